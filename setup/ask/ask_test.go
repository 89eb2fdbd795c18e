package ask

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var subnet = Question{Key: "lan-subnet", Text: "subnet of the LAN NIC", Default: "lan", Choices: []Choice{{"wan", "10.0.1.0/24"}, {"lan", "10.0.2.0/24"}}}

func even(answer string) error {
	if len(answer)%2 == 0 {
		return nil
	}
	return errors.New("is odd")
}

func TestWithoutAPersonAllThatIsMissingIsToldAtOnce(t *testing.T) {
	talk := Talk{Given: map[string]string{"size": "odd", "vnet": "elsewhere", "zone": "3"}}
	got := []string{
		talk.Ask(Question{Key: "name", Text: "name of the VM"}),
		talk.Ask(subnet),
		talk.Ask(Question{Key: "size", Text: "size", Check: even}),
		talk.Ask(Question{Key: "vnet", Text: "network", Choices: []Choice{{Value: "hub"}}}),
		talk.Ask(Question{Key: "ssh-key", Text: "public key", Choices: []Choice{{Value: "a"}, {Value: "b"}}}),
		talk.Ask(Question{Key: "note", Text: "a note", Optional: true}),
		talk.Ask(Question{Key: "zone", Text: "zone", Choices: []Choice{{Value: "1"}, {Value: "2"}, {Value: "3"}}}),
	}
	if want := []string{"", "lan", "", "", "", "", "3"}; strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("answers %q, want %q", got, want)
	}
	err := talk.Err()
	if err == nil {
		t.Fatal("nothing is missing")
	}
	for _, want := range []string{"--size: is odd", `--vnet: "elsewhere" isn't among hub`, "--name  name of the VM", "--ssh-key  public key (a, b)", "hint: give these flags"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in:\n%v", want, err)
		}
	}
}

func TestAPersonIsAskedWhatIsntGiven(t *testing.T) {
	cases := []struct {
		name, given, typed, want string
		q                        Question
		shown                    string
	}{
		{"the default", "", "\n", "lan", subnet, "subnet of the LAN NIC [lan]: "},
		{"a menu's number", "", "1\n", "wan", subnet, "   1  wan  10.0.1.0/24\n"},
		{"a name in other case", "", "WAN\n", "wan", subnet, ""},
		{"again, as long as it is wrong", "", "dmz\n7\n2\n", "lan", subnet, `"dmz" isn't among wan, lan`},
		{"given: not asked", "wan", "", "wan", subnet, ""},
		{"given and wrong: asked", "dmz", "wan\n", "wan", subnet, `"dmz" isn't among`},
		{"free", "", "own\n", "own", Question{Key: "lan-subnet", Text: "x", Choices: subnet.Choices, Free: true}, ""},
		{"an end of the input", "", "", "", subnet, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			talk := Talk{Given: map[string]string{}, Person: NewTerminal(t.Context(), strings.NewReader(c.typed), &out)}
			if c.given != "" {
				talk.Given[c.q.Key] = c.given
			}
			if got := talk.Ask(c.q); got != c.want {
				t.Errorf("answer %q, want %q", got, c.want)
			}
			if !strings.Contains(out.String(), c.shown) {
				t.Errorf("shown:\n%s\nwant %q", out.String(), c.shown)
			}
			if err := talk.Err(); (c.want == "") != (err != nil) {
				t.Errorf("error %v", err)
			}
		})
	}
}

// Ctrl-C at a question ends it at once, though the read of the terminal goes on.
func TestAPersonGivesUp(t *testing.T) {
	in, _ := io.Pipe() // nothing is ever typed
	ctx, giveUp := context.WithCancel(t.Context())
	talk := Talk{Person: NewTerminal(ctx, in, writer(func(text string) {
		if strings.Contains(text, ": ") {
			giveUp()
		}
	}))}
	if got := talk.Ask(subnet); got != "" || !errors.Is(talk.Err(), context.Canceled) {
		t.Errorf("answer %q, %v", got, talk.Err())
	}
	in.Close()
}

type writer func(string)

func (w writer) Write(p []byte) (int, error) {
	w(string(p))
	return len(p), nil
}

func TestAnswersAreSavedAndReadAgain(t *testing.T) {
	talk := Talk{Given: map[string]string{"lan-subnet": "wan", "zone": "1", "key": "secret"}}
	talk.Ask(subnet)
	talk.Ask(Question{Key: "zone", Text: "zone"})
	talk.Ask(Question{Key: "key", Text: "key"})
	path := filepath.Join(t.TempDir(), "answers.yaml")
	if err := SaveFile(path, talk.Answers(), "key"); err != nil {
		t.Fatal(err)
	}
	again, err := ReadFile(path, []string{"lan-subnet", "zone", "key"})
	if err != nil || len(again) != 2 || again["lan-subnet"] != "wan" || again["zone"] != "1" {
		t.Errorf("read %v, %v", again, err)
	}
	for text, want := range map[string]string{
		"zone: 1\nzonne: 2\nsize: [a]\n": "line 2: unknown key zonne", "- a\n": "key: value", "a: b: c\n": "",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadFile(path, []string{"zone", "size"}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", text, err, want)
		}
	}
}
