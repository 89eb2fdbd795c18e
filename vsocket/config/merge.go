package config

import (
	"strconv"
)

// Merge lays patch, which has some sections of such a file, over data, and checks
// the whole as Parse does. ha.generation, which grows with each change of that
// section, does so by itself unless patch has it. Merging the same patch again
// changes nothing.
func Merge(name string, data []byte, patchName string, patch []byte) ([]byte, error) {
	var over Config
	b, err := form.Bind(patchName, patch, &over)
	if err != nil {
		return nil, err
	}
	if problems := b.Problems(); len(problems) > 0 {
		return nil, problems // with the patch's lines
	}
	merged, err := form.Merge(name, data, patchName, patch)
	if err != nil {
		return nil, err
	}
	now, err := Parse(name, merged)
	if err != nil || now.HA == nil || b.Given("ha.generation") {
		return merged, err
	}
	if former, err := Parse(name, data); err == nil && former.HA != nil && *former.HA != *now.HA {
		return form.Merge(name, merged, patchName, []byte("ha: {generation: "+strconv.FormatUint(former.HA.Generation+1, 10)+"}"))
	}
	return merged, nil
}

// Unset takes sections out of data, and checks what is left as Parse does. The error
// is settings.Problems; one that isn't there is none.
func Unset(name string, data []byte, sections ...string) ([]byte, error) {
	left, err := form.Unset(name, data, sections...)
	if err != nil {
		return nil, err
	}
	_, err = Parse(name, left)
	return left, err
}
