// Package words has what the pages say, in each language: a catalogue of texts for
// each, all with the same keys.
//
// What other parts of Relève say of a site is English. A catalogue has those
// sentences as patterns, in which * stands for what is put in; what no pattern fits
// is shown as it is, and marked as English.
package words

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Lang is a language.
type Lang struct {
	Code  string // as in HTML: "en"
	texts map[string]string
	said  []pattern
}

// pattern is a sentence of another part of Relève.
type pattern struct {
	is   *regexp.Regexp
	says string // with {0}, {1} for what was put in
}

// Langs are all of them, the first for whoever asks for another.
type Langs []*Lang

// common has what all pages say.
//
//go:embed en.json fr.json
var common embed.FS

// Read takes the catalogues en.json and fr.json of a user interface, beside the
// common ones.
func Read(own fs.FS) Langs { return Langs{read("en", common, own), read("fr", common, own)} }

func read(code string, catalogues ...fs.FS) *Lang {
	l := &Lang{Code: code, texts: map[string]string{}}
	for _, files := range catalogues {
		l.add(files)
	}
	// The most particular first.
	slices.SortFunc(l.said, func(a, b pattern) int { return len(b.is.String()) - len(a.is.String()) })
	return l
}

// add takes a catalogue in. They are in the program, so what is wrong is our mistake.
func (l *Lang) add(files fs.FS) {
	text, err := fs.ReadFile(files, l.Code+".json")
	if err != nil {
		panic("words: " + err.Error())
	}
	var file struct {
		Texts map[string]string `json:"texts"`
		Said  map[string]string `json:"said"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		panic("words: " + l.Code + ": " + err.Error())
	}
	for key, says := range file.Texts {
		if l.Has(key) {
			panic("words: " + l.Code + ": two texts are " + key)
		}
		l.texts[key] = says
	}
	for sentence, says := range file.Said {
		exact := strings.ReplaceAll(regexp.QuoteMeta(sentence), `\*`, "(.*?)")
		l.said = append(l.said, pattern{regexp.MustCompile("(?s)^" + exact + "$"), says})
	}
}

// Choose is the language somebody has chosen, or the one of ours that their browser
// likes best (RFC 9110, 12.5.4).
func (langs Langs) Choose(chosen, accept string) *Lang {
	best, most := langs[0], 0.0
	for i, l := range langs {
		if l.Code == chosen {
			return l
		}
		if q := liking(accept, l.Code) - float64(i)/1e6; q > most {
			best, most = l, q
		}
	}
	return best
}

// liking is a language's quality in Accept-Language, or 0.
func liking(accept, code string) float64 {
	best := 0.0
	for part := range strings.SplitSeq(accept, ",") {
		name, rest, weighted := strings.Cut(strings.TrimSpace(part), ";")
		q := 1.0
		if weighted {
			value, _ := strings.CutPrefix(strings.TrimSpace(rest), "q=")
			var err error
			if q, err = strconv.ParseFloat(value, 64); err != nil {
				continue
			}
		}
		base, _, _ := strings.Cut(strings.ToLower(name), "-")
		if base == code {
			best = max(best, q)
		}
	}
	return best
}

// T is a text, with {0}, {1} replaced. A key that isn't there is our mistake, and
// shows itself.
func (l *Lang) T(key string, put ...any) string {
	text, there := l.texts[key]
	if !there {
		return "⟨" + key + "⟩"
	}
	return fill(text, put)
}

// Has says whether there is such a text.
func (l *Lang) Has(key string) bool { return l.texts[key] != "" }

// N is a text for a number of things: KEY.one or KEY.other, with {0} the number.
// French has one of none and of one and a half, English not.
func (l *Lang) N(key string, n int) string {
	if n == 1 || n == 0 && l.Code == "fr" {
		return l.T(key+".one", n)
	}
	return l.T(key+".other", n)
}

func fill(text string, put []any) string {
	for i, p := range put {
		text = strings.ReplaceAll(text, "{"+strconv.Itoa(i)+"}", fmt.Sprint(p))
	}
	return text
}

// Said is what another part of Relève has said. known is false if it is left in
// English, and that isn't this language.
func (l *Lang) Said(sentence string) (text string, known bool) {
	if l.Code == "en" || sentence == "" {
		return sentence, true
	}
	for _, p := range l.said {
		if found := p.is.FindStringSubmatch(sentence); found != nil {
			put := make([]any, 0, len(found))
			for _, inner := range found[1:] {
				said, _ := l.Said(inner)
				put = append(put, said)
			}
			return fill(p.says, put), true
		}
	}
	// What was put into a sentence may be a name or an address.
	return sentence, !strings.Contains(sentence, " ")
}

// Ago is a time before now, in words.
func (l *Lang) Ago(now, t time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return l.T("time.never")
	case d < 2*time.Second:
		return l.T("time.now")
	case d < time.Minute:
		return l.T("time.ago", l.N("time.second", int(d.Seconds())))
	case d < time.Hour:
		return l.T("time.ago", l.N("time.minute", int(d.Minutes())))
	case d < 48*time.Hour:
		return l.T("time.ago", l.N("time.hour", int(d.Hours())))
	}
	return l.T("time.ago", l.N("time.day", int(d.Hours()/24)))
}

// Moment is a time as tables show it, in UTC.
func (l *Lang) Moment(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format(l.T("time.format"))
}
