// Package freeze writes down what a machine has in mind, and puts it back: for
// the checkpoints of a record. It goes over the fields by reflection, also those
// that aren't exported, so that a field that is added to the core is in the next
// checkpoint without a line of code. Interfaces and functions are not kept:
// between two steps the core holds nothing in them.
package freeze

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"net/netip"
	"reflect"
	"slices"
)

// Append writes down all that the pointer leads to.
func Append(dst []byte, pointer any) []byte {
	return appendValue(dst, reflect.ValueOf(pointer).Elem())
}

// ErrOther is a text that Append can't have written of such a value.
var ErrOther = errors.New("freeze: not what was frozen")

// Thaw puts back what Append wrote, over what is there. After an error the value
// must not be used.
func Thaw(frozen []byte, pointer any) error {
	t := thaw{b: frozen}
	t.value(reflect.ValueOf(pointer).Elem())
	if t.bad || len(t.b) > 0 {
		return ErrOther
	}
	return nil
}

// Layout is a number for a type's fields: a text can be thawed where it is the
// same.
func Layout(pointer any) uint64 {
	sum := fnv.New64a()
	layout(func(text string) { fmt.Fprintln(sum, text) }, reflect.TypeOf(pointer).Elem())
	return sum.Sum64()
}

// address is written as its text, as a pointer in it must be the one that all
// equal addresses share.
var address = reflect.TypeFor[netip.Addr]()

func layout(say func(string), t reflect.Type) {
	say(t.String() + " " + t.Kind().String())
	if t == address {
		return
	}
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			say(t.Field(i).Name)
			layout(say, t.Field(i).Type)
		}
	case reflect.Array:
		say(fmt.Sprint(t.Len()))
		layout(say, t.Elem())
	case reflect.Slice, reflect.Pointer:
		layout(say, t.Elem())
	case reflect.Map:
		layout(say, t.Key())
		layout(say, t.Elem())
	}
}

func appendValue(dst []byte, v reflect.Value) []byte {
	if v.Type() == address {
		text, _ := open(v).Interface().(netip.Addr).MarshalText() // it never fails
		return append(binary.AppendUvarint(dst, uint64(len(text))), text...)
	}
	switch v.Kind() {
	case reflect.Bool:
		return append(dst, bit(v.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return binary.AppendUvarint(dst, uint64(v.Int())<<1^uint64(v.Int()>>63))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return binary.AppendUvarint(dst, v.Uint())
	case reflect.String:
		return append(binary.AppendUvarint(dst, uint64(v.Len())), v.String()...)
	case reflect.Pointer:
		if dst = append(dst, bit(!v.IsNil())); !v.IsNil() {
			dst = appendValue(dst, v.Elem())
		}
		return dst
	case reflect.Struct:
		for i := range v.NumField() {
			dst = appendValue(dst, v.Field(i))
		}
		return dst
	case reflect.Array:
		return appendElements(dst, v)
	case reflect.Slice:
		return appendSlice(dst, v)
	case reflect.Map:
		return appendMap(dst, v)
	case reflect.Interface, reflect.Func:
		return dst
	}
	panic("freeze: a " + v.Type().String() + " can't be written down")
}

func appendElements(dst []byte, v reflect.Value) []byte {
	for i := range v.Len() {
		dst = appendValue(dst, v.Index(i))
	}
	return dst
}

// appendSlice tells nil from empty. What holds interfaces is of one step alone.
func appendSlice(dst []byte, v reflect.Value) []byte {
	switch {
	case v.Type().Elem().Kind() == reflect.Interface:
		return dst
	case v.IsNil():
		return append(dst, 0)
	}
	dst = binary.AppendUvarint(dst, uint64(v.Len())+1)
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return append(dst, v.Bytes()...)
	}
	return appendElements(dst, v)
}

// appendMap orders the entries, as a map has no order.
func appendMap(dst []byte, v reflect.Value) []byte {
	if v.IsNil() {
		return append(dst, 0)
	}
	var entries []string
	for i := v.MapRange(); i.Next(); {
		entries = append(entries, string(appendValue(appendValue(nil, i.Key()), i.Value())))
	}
	slices.Sort(entries)
	dst = binary.AppendUvarint(dst, uint64(len(entries))+1)
	for _, entry := range entries {
		dst = append(dst, entry...)
	}
	return dst
}

func bit(set bool) byte {
	if set {
		return 1
	}
	return 0
}

type thaw struct {
	b   []byte
	bad bool
}

func (t *thaw) refuse() { t.bad, t.b = true, nil }

func (t *thaw) number() uint64 {
	n, size := binary.Uvarint(t.b)
	if size <= 0 || size > 1 && t.b[size-1] == 0 {
		t.refuse()
		return 0
	}
	t.b = t.b[size:]
	return n
}

// length is of something whose elements take a byte each at least, or that has
// none; more than there is would only eat memory.
func (t *thaw) length(n uint64) int {
	if n > uint64(len(t.b)) {
		t.refuse()
		return 0
	}
	return int(n)
}

func (t *thaw) take(n uint64) []byte {
	size := t.length(n)
	taken := t.b[:size]
	t.b = t.b[size:]
	return taken
}

func (t *thaw) bit() bool {
	n := t.number()
	if n > 1 {
		t.refuse()
	}
	return n == 1
}

// value reads into v, which can be set.
func (t *thaw) value(v reflect.Value) {
	if t.bad {
		return
	}
	if v.Type() == address {
		t.address(v)
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(t.bit())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n := t.number()
		i := int64(n>>1) ^ -int64(n&1)
		if v.OverflowInt(i) {
			t.refuse()
		}
		v.SetInt(i)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n := t.number()
		if v.OverflowUint(n) {
			t.refuse()
		}
		v.SetUint(n)
	case reflect.String:
		v.SetString(string(t.take(t.number())))
	case reflect.Pointer:
		t.pointer(v)
	case reflect.Struct:
		for i := range v.NumField() {
			t.value(open(v.Field(i)))
		}
	case reflect.Array:
		t.elements(v)
	case reflect.Slice:
		t.slice(v)
	case reflect.Map:
		t.table(v)
	}
}

// open makes a field that isn't exported one that can be set.
func open(field reflect.Value) reflect.Value {
	return reflect.NewAt(field.Type(), field.Addr().UnsafePointer()).Elem()
}

func (t *thaw) address(v reflect.Value) {
	var a netip.Addr
	text := t.take(t.number())
	if a.UnmarshalText(text) != nil || a.IsValid() && a.String() != string(text) {
		t.refuse()
	}
	v.Set(reflect.ValueOf(a))
}

func (t *thaw) pointer(v reflect.Value) {
	if !t.bit() {
		v.SetZero()
		return
	}
	v.Set(reflect.New(v.Type().Elem()))
	t.value(v.Elem())
}

func (t *thaw) elements(v reflect.Value) {
	for i := range v.Len() {
		t.value(v.Index(i))
	}
}

func (t *thaw) slice(v reflect.Value) {
	kind := v.Type().Elem().Kind()
	if kind == reflect.Interface {
		v.SetZero()
		return
	}
	n := t.number()
	switch {
	case n == 0:
		v.SetZero()
	case kind == reflect.Uint8:
		v.SetBytes(append([]byte{}, t.take(n-1)...))
	default:
		v.Set(reflect.MakeSlice(v.Type(), t.length(n-1), t.length(n-1)))
		t.elements(v)
	}
}

// table reads a map, whose entries must stand in order.
func (t *thaw) table(v reflect.Value) {
	n := t.number()
	if n == 0 {
		v.SetZero()
		return
	}
	if n-1 > math.MaxInt32 {
		t.refuse()
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	last := ""
	for i := range n - 1 {
		start := t.b
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		t.value(key)
		t.value(value)
		if t.bad {
			return
		}
		entry := string(start[:len(start)-len(t.b)])
		if i > 0 && entry <= last || v.MapIndex(key).IsValid() {
			t.refuse()
			return
		}
		last = entry
		v.SetMapIndex(key, value)
	}
}
