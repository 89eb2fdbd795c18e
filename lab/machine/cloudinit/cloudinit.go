// Package cloudinit reads the part of cloud-init's user data that the lab plays:
// "#cloud-config" with write_files and runcmd (cloudinit.readthedocs.io, module
// reference). Anything else is refused: a machine that passes it by would not be
// what the same data makes on Azure.
package cloudinit

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// Data is what a machine is to do at its first boot.
type Data struct {
	Files    []File
	Commands [][]string // each a program and its arguments
}

// File is one of write_files.
type File struct {
	Path    string
	Content []byte
	Mode    fs.FileMode
	Append  bool
}

// header is the first line of what is played.
const header = "#cloud-config"

// Parse reads user data. None at all is good.
func Parse(text []byte) (Data, error) {
	var d Data
	if len(bytes.TrimSpace(text)) == 0 {
		return d, nil
	}
	if first, _, _ := strings.Cut(string(text), "\n"); strings.TrimRight(first, " \r") != header {
		return d, fmt.Errorf("the user data begins with %q, and the lab plays %s alone", first, header)
	}
	var raw struct {
		Files    []file `yaml:"write_files"`
		Commands []any  `yaml:"runcmd"`
	}
	if err := yaml.UnmarshalWithOptions(text, &raw, yaml.Strict()); err != nil {
		return d, fmt.Errorf("the user data isn't what the lab plays (write_files, runcmd): %w", err)
	}
	for i, f := range raw.Files {
		made, err := f.file()
		if err != nil {
			return d, fmt.Errorf("write_files[%d]: %w", i, err)
		}
		d.Files = append(d.Files, made)
	}
	for i, c := range raw.Commands {
		words, err := command(c)
		if err != nil {
			return d, fmt.Errorf("runcmd[%d]: %w", i, err)
		}
		d.Commands = append(d.Commands, words)
	}
	return d, nil
}

type file struct {
	Path        string `yaml:"path"`
	Content     string `yaml:"content"`
	Encoding    string `yaml:"encoding"`
	Permissions string `yaml:"permissions"`
	Owner       string `yaml:"owner"`
	Append      bool   `yaml:"append"`
}

func (f file) file() (File, error) {
	made := File{Path: f.Path, Content: []byte(f.Content), Mode: 0o644, Append: f.Append}
	if !strings.HasPrefix(f.Path, "/") {
		return made, fmt.Errorf("%q is no whole path", f.Path)
	}
	switch f.Owner {
	case "", "root", "root:root", "0:0":
	default:
		return made, fmt.Errorf("%s: owner %q, and the lab has root alone", f.Path, f.Owner)
	}
	var err error
	switch f.Encoding {
	case "", "text/plain":
	case "b64", "base64":
		if made.Content, err = base64.StdEncoding.DecodeString(strings.TrimSpace(f.Content)); err != nil {
			return made, fmt.Errorf("%s: %w", f.Path, err)
		}
	default:
		return made, fmt.Errorf("%s: encoding %q isn't played", f.Path, f.Encoding)
	}
	if f.Permissions == "" {
		return made, nil
	}
	mode, err := strconv.ParseUint(f.Permissions, 8, 32)
	if err != nil || mode > 0o777 {
		return made, fmt.Errorf("%s: permissions %q are no octal mode", f.Path, f.Permissions)
	}
	made.Mode = fs.FileMode(mode)
	return made, nil
}

// command is a line for the shell, or a list of a program's words.
func command(c any) ([]string, error) {
	switch c := c.(type) {
	case string:
		return []string{"/bin/sh", "-c", c}, nil
	case []any:
		var words []string
		for _, word := range c {
			words = append(words, fmt.Sprint(word))
		}
		if len(words) > 0 {
			return words, nil
		}
	}
	return nil, errors.New("it is neither a line nor a list of words")
}
