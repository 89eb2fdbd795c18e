// Package words has what the manager's pages say, in each language.
package words

import (
	"embed"

	"releve.dev/releve/web/words"
)

//go:embed en.json fr.json
var catalogues embed.FS

// Langs are all languages, the first for whoever asks for another.
var Langs = words.Read(catalogues)
