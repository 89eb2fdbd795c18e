// Package deb writes Debian binary packages (deb(5)): an ar archive of two tar
// archives. It needs neither root nor Debian's tools, and the same files make the
// same bytes: owners are root, times are one time, the order is that of names.
//
// The libraries for it bring RPM, signing and git along, 80 modules and more; what
// is needed of them is these lines.
package deb

import (
	"archive/tar"
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/md5"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
)

// Package is what is in one.
type Package struct {
	Control Control
	Files   []File
	Empty   []string          // folders with nothing in them yet
	Scripts map[string]string // postinst, prerm, postrm
	Time    time.Time         // of all files
}

// Control is the head of it (deb-control(5)).
type Control struct {
	Name, Version, Architecture, Maintainer, Homepage string
	Recommends                                        string // "": nothing
	Summary, Description                              string // one line; a paragraph a line
}

// File is one of the files. Folders come by themselves.
type File struct {
	Path     string // absolute
	Mode     int64
	Data     []byte
	Conffile bool // dpkg asks before it replaces one that a person has changed
}

// Name is the usual file name of it.
func (p *Package) Name() string {
	return fmt.Sprintf("%s_%s_%s.deb", p.Control.Name, p.Control.Version, p.Control.Architecture)
}

// Write writes the package.
func (p *Package) Write(w io.Writer) error {
	files := slices.SortedFunc(slices.Values(p.Files), func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	control, err := p.archive(p.controlFiles(files), nil)
	if err != nil {
		return err
	}
	data, err := p.archive(files, p.Empty)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(w, "!<arch>\n"); err != nil {
		return err
	}
	for _, member := range []struct {
		name string
		data []byte
	}{{"debian-binary", []byte("2.0\n")}, {"control.tar.gz", control}, {"data.tar.gz", data}} {
		if err := p.member(w, member.name, member.data); err != nil {
			return err
		}
	}
	return nil
}

// member writes one of the ar archive's: a head of 60 bytes, and an even length.
func (p *Package) member(w io.Writer, name string, data []byte) error {
	if _, err := fmt.Fprintf(w, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", name, p.Time.Unix(), 0, 0, "100644", len(data)); err != nil {
		return err
	}
	if len(data)%2 == 1 {
		data = append(data, '\n')
	}
	_, err := w.Write(data)
	return err
}

func (p *Package) controlFiles(files []File) []File {
	list := []File{{Path: "/control", Mode: 0o644, Data: []byte(p.Control.text(size(files, p.Empty)))},
		{Path: "/md5sums", Mode: 0o644, Data: sums(files)}}
	if conffiles := conffiles(files); conffiles != "" {
		list = append(list, File{Path: "/conffiles", Mode: 0o644, Data: []byte(conffiles)})
	}
	for name, script := range p.Scripts {
		list = append(list, File{Path: "/" + name, Mode: 0o755, Data: []byte(script)})
	}
	slices.SortFunc(list, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return list
}

func (c *Control) text(kib int64) string {
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	field("Package", c.Name)
	field("Version", c.Version)
	field("Architecture", c.Architecture)
	field("Maintainer", c.Maintainer)
	field("Installed-Size", fmt.Sprint(kib))
	field("Recommends", c.Recommends)
	field("Section", "net")
	field("Priority", "optional")
	field("Homepage", c.Homepage)
	field("Description", c.Summary)
	for line := range strings.Lines(c.Description) {
		b.WriteString(" " + line)
	}
	b.WriteString("\n")
	return b.String()
}

// size is in KiB, each file and folder rounded up (deb-substvars(5)).
func size(files []File, empty []string) (kib int64) {
	for _, f := range files {
		kib += (int64(len(f.Data)) + 1023) / 1024
	}
	return kib + int64(len(folders(files, empty)))
}

func sums(files []File) []byte {
	var b bytes.Buffer
	for _, f := range files {
		if !f.Conffile {
			fmt.Fprintf(&b, "%x  %s\n", md5.Sum(f.Data), strings.TrimPrefix(f.Path, "/"))
		}
	}
	return b.Bytes()
}

func conffiles(files []File) string {
	var b strings.Builder
	for _, f := range files {
		if f.Conffile {
			b.WriteString(f.Path + "\n")
		}
	}
	return b.String()
}

// folders are the empty ones and all that the files are in, each after the one that
// it is in.
func folders(files []File, empty []string) []string {
	all := map[string]bool{}
	add := func(dir string) {
		for ; dir != "/"; dir = path.Dir(dir) {
			all[dir] = true
		}
	}
	for _, f := range files {
		add(path.Dir(f.Path))
	}
	for _, dir := range empty {
		add(dir)
	}
	list := []string{"/"}
	for dir := range all {
		list = append(list, dir)
	}
	slices.Sort(list)
	return list
}

func (p *Package) archive(files []File, empty []string) ([]byte, error) {
	var out bytes.Buffer
	packed, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	w := tar.NewWriter(packed)
	head := func(h tar.Header) error {
		h.Name, h.ModTime, h.Uname, h.Gname, h.Format = "."+h.Name, p.Time, "root", "root", tar.FormatGNU
		return w.WriteHeader(&h)
	}
	for _, dir := range folders(files, empty) {
		if err := head(tar.Header{Typeflag: tar.TypeDir, Name: strings.TrimSuffix(dir, "/") + "/", Mode: 0o755}); err != nil {
			return nil, err
		}
	}
	for _, f := range files {
		if err := head(tar.Header{Typeflag: tar.TypeReg, Name: f.Path, Mode: f.Mode, Size: int64(len(f.Data))}); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.Data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if err := packed.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
