// Package ask gathers what a set-up has to be told: from flags, a file of
// answers, and, where a person sits at the terminal, questions with defaults and
// menus of what there is. Where nobody can be asked, all that is missing or wrong
// is told at once.
//
// What a question is, and whether an answer is one, is decided here; a Person
// shows it (Terminal is one).
package ask

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Question is one thing to be told.
type Question struct {
	Key      string // of the flag and in the file: "lan-subnet"
	Text     string // for people: "subnet of the LAN NIC"
	Default  string // taken where nobody is asked; "": there is none
	Choices  []Choice
	Free     bool // answers besides the choices are taken, too
	Optional bool // may be left empty
	Check    func(answer string) error
}

// Choice is one item of a menu.
type Choice struct{ Value, Text string }

// Person answers questions.
type Person interface {
	// Answer asks one; problem says what was wrong with the answer before.
	Answer(q Question, problem string) (string, error)
}

// Talk is one round of questions.
type Talk struct {
	Given  map[string]string // by flags, and by the file where no flag has it
	Person Person            // nil: nobody can be asked

	answers []Answer
	missing []Question
	wrong   []error
	ended   error
}

// Answer is one that was found.
type Answer struct{ Key, Text, Value string }

// mostTries bounds how often one question is asked.
const mostTries = 10

// Ask finds the answer to a question, "" if there is none. What is missing or
// wrong is kept for Err, so that later questions are asked, too.
func (t *Talk) Ask(q Question) string {
	given, isGiven := t.Given[q.Key]
	problem := ""
	if isGiven {
		answer, err := q.judge(given)
		if err == nil {
			return t.keep(q, answer)
		}
		problem = err.Error()
	}
	switch {
	case t.ended != nil:
		return ""
	case t.Person != nil:
		return t.askPerson(q, problem)
	case problem != "":
		t.wrong = append(t.wrong, fmt.Errorf("--%s: %s", q.Key, problem))
		return ""
	case q.Default == "" && !q.Optional:
		t.missing = append(t.missing, q)
		return ""
	}
	return t.keep(q, q.Default)
}

func (t *Talk) askPerson(q Question, problem string) string {
	for range mostTries {
		text, err := t.Person.Answer(q, problem)
		if err != nil {
			t.ended = err
			return ""
		}
		if strings.TrimSpace(text) == "" {
			text = q.Default
		}
		answer, err := q.judge(text)
		if err == nil {
			return t.keep(q, answer)
		}
		problem = err.Error()
	}
	t.ended = fmt.Errorf("%s: no answer that can be used in %d", q.Text, mostTries)
	return ""
}

func (t *Talk) keep(q Question, answer string) string {
	t.answers = append(t.answers, Answer{q.Key, q.Text, answer})
	return answer
}

// judge makes an answer of what was typed: a menu's number stands for its item,
// and names are compared as Azure compares them.
func (q *Question) judge(text string) (string, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		if q.Optional {
			return "", nil
		}
		return "", errors.New("an answer is needed")
	}
	answer, err := q.choose(text)
	if err != nil {
		return "", err
	}
	if q.Check != nil {
		if err := q.Check(answer); err != nil {
			return "", err
		}
	}
	return answer, nil
}

func (q *Question) choose(text string) (string, error) {
	i := slices.IndexFunc(q.Choices, func(c Choice) bool { return strings.EqualFold(c.Value, text) })
	if i < 0 {
		if n, err := strconv.Atoi(text); err == nil && n >= 1 && n <= len(q.Choices) {
			i = n - 1
		}
	}
	switch {
	case i >= 0:
		return q.Choices[i].Value, nil
	case q.Free || q.Choices == nil:
		return text, nil
	case len(q.Choices) == 0:
		return "", fmt.Errorf("%q isn't there, nor is any other", text)
	}
	values := make([]string, len(q.Choices))
	for i, c := range q.Choices {
		values[i] = c.Value
	}
	return "", fmt.Errorf("%q isn't among %s", text, strings.Join(values, ", "))
}

// Answers are those that were found, in the order of the questions.
func (t *Talk) Answers() []Answer { return t.answers }

// Err is all that is missing and wrong.
func (t *Talk) Err() error {
	if t.ended != nil {
		return t.ended
	}
	errs := slices.Clone(t.wrong)
	if len(t.missing) > 0 {
		var text strings.Builder
		text.WriteString("there is nobody to ask for")
		for _, q := range t.missing {
			fmt.Fprintf(&text, "\n  --%s  %s%s", q.Key, q.Text, q.menu())
		}
		text.WriteString("\nhint: give these flags, or a file with them: --answers FILE")
		errs = append(errs, errors.New(text.String()))
	}
	return errors.Join(errs...)
}

func (q *Question) menu() string {
	if len(q.Choices) == 0 {
		return ""
	}
	var values []string
	for _, c := range q.Choices {
		values = append(values, c.Value)
	}
	return " (" + strings.Join(values, ", ") + ")"
}
