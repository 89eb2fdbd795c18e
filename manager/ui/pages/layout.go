package pages

import (
	"releve.dev/releve/manager/ui/words"
)

func otherLangs(f *Frame) []*words.Lang {
	var others []*words.Lang
	for _, l := range words.Langs {
		if l != f.Lang {
			others = append(others, l)
		}
	}
	return others
}

func kindOf(i input) string {
	if i.kind == "" {
		return "text"
	}
	return i.kind
}

// valueOf is what was typed; a password isn't sent back.
func valueOf(i input, form Form) string {
	if i.kind == "password" {
		return ""
	}
	return form.Value(i.name)
}

func known(f *Frame, sentence string) bool {
	_, known := f.Said(sentence)
	return known
}

func translated(f *Frame, sentence string) string {
	text, _ := f.Said(sentence)
	return text
}
