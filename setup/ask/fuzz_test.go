package ask

import (
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"
)

// FuzzAnswers: whatever answer is saved is read again as it was.
func FuzzAnswers(f *testing.F) {
	for _, text := range []string{"paris", "1", "a: b", "\"x\"\\", "é\t#", " ", "true", "10.0.0.4"} {
		f.Add(text)
	}
	path := filepath.Join(f.TempDir(), "answers.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := parse([]byte(text), []string{"a"}); err != nil {
			_ = err.Error() // whatever is in a file is an answer or an error
		}
		talk := Talk{Given: map[string]string{"site": text}}
		kept := talk.Ask(Question{Key: "site", Text: "name of it"})
		if kept == "" || !utf8.ValidString(kept) {
			return
		}
		if err := SaveFile(path, talk.Answers()); err != nil {
			t.Fatal(err)
		}
		again, err := ReadFile(path, []string{"site"})
		if err != nil || again["site"] != kept {
			data, _ := os.ReadFile(path)
			t.Errorf("%q is saved as %s, and read as %q, %v", kept, data, again["site"], err)
		}
	})
}
