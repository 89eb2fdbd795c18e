package console

import (
	"bufio"
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

// FuzzReadLine: whatever comes, a line is read to its end and no further, and a
// request or reply that is accepted reads the same when it is written.
func FuzzReadLine(f *testing.F) {
	for _, value := range []any{Request{Op: OpExec, Node: "vm1", Args: []string{"ping", "a\nb"}, Env: []string{"A=b"}, TTY: true}, Reply{Error: "x", Exit: 3, Data: json.RawMessage(`{"a":[1]}`)}} {
		line, err := json.Marshal(value)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line)
	}
	f.Add([]byte(`{"data":null}`))
	f.Add([]byte("{}\n{"))
	f.Fuzz(func(t *testing.T, line []byte) {
		const behind = "behind"
		for _, value := range []any{&Request{}, &Reply{}} {
			reader := bufio.NewReaderSize(bytes.NewReader(append(append(bytes.Clone(line), '\n'), behind...)), 16)
			if readLine(reader, value) != nil {
				continue
			}
			first, _, more := bytes.Cut(line, []byte{'\n'})
			left := new(bytes.Buffer)
			if _, err := left.ReadFrom(reader); err != nil {
				t.Fatal(err)
			}
			if want := len(line) - len(first) + len(behind); more && left.Len() != want || !more && left.String() != behind {
				t.Fatalf("behind %q %d bytes are left", first, left.Len())
			}
			again, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			read := reflect.New(reflect.TypeOf(value).Elem()).Interface()
			if err := readLine(bufio.NewReader(bytes.NewReader(append(again, '\n'))), read); err != nil {
				t.Fatal(err)
			}
			if twice, err := json.Marshal(read); err != nil || !bytes.Equal(twice, again) {
				t.Fatalf("%s becomes %s (%v)", again, twice, err)
			}
		}
	})
}
