package inventory

import "fmt"

// Page asks for a part of a list.
type Page struct {
	After string // Next of the part before; "": from the start
	Limit int    // 0: 50; at most 500
}

// most is how many items the part may have.
func (p Page) most() int {
	if p.Limit <= 0 {
		return 50
	}
	return min(p.Limit, 500)
}

// start is where the part begins: at first, if nothing is said.
func (p Page) start(first string) (string, error) {
	if p.After == "" {
		return first, nil
	}
	if !isID(p.After) {
		return "", &Refusal{Kind: Invalid, Field: "after", Message: fmt.Sprintf("%q is no place in this list", p.After), Remedy: "give what the part before told as next"}
	}
	return p.After, nil
}

// List is a part of a list.
type List[T any] struct {
	Items []T
	Next  string // "": this was the last part
}

// cut takes away what was read beyond the part, to know whether there is more.
func (l List[T]) cut(most int, id func(T) string) List[T] {
	if len(l.Items) > most {
		l.Items = l.Items[:most]
		l.Next = id(l.Items[most-1])
	}
	return l
}
