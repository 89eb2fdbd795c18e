// Package packaging makes the Debian packages out of the built programs. The same
// programs make the same packages, byte for byte.
package packaging

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	popconfig "releve.dev/releve/pop/config"

	"releve.dev/releve/packaging/deb"
	"releve.dev/releve/vsocket/config"
)

//go:embed vsocket pop postinst prerm postrm
var sources embed.FS

// product is one package.
type product struct {
	program, folder      string // of cmd/, and here
	summary, description string
	sample               func() string
	sampleName           string
	sysctl, networkd     string // "": none
	units                []string
	gone                 []string // when it is purged
}

var products = []product{
	{
		program: "releve-vsocket", folder: "vsocket", sample: config.Sample, sampleName: "vsocket.sample.yaml", sysctl: "60-releve.conf", networkd: "60-releve-networkd.conf",
		summary: "one of the two appliances of a Releve site in Azure",
		description: "A site's two vSockets watch each other, and one takes over the site's\n" +
			"floating IP when the other dies. This is the agent, and its channel to the\nmanager.",
		units: []string{"releve-vsocket.service", "releve-channel.service", "releve-web.service"},
		gone: []string{"/var/lib/releve", "/etc/releve/vsocket.yaml", "/etc/releve/vsocket.yaml.former", "/etc/releve/lock",
			"/etc/releve/enrol", "/etc/releve/ca.pem", "/etc/releve/first-boot"},
	},
	{
		program: "releve-pop", folder: "pop", sample: popconfig.Sample, sampleName: "pop.sample.yaml", sysctl: "60-releve-pop.conf",
		summary:     "the cloud's end of Releve sites",
		description: "It ends the tunnels of sites' vSockets, leads their traffic to the Internet\nand to each other, and is their witness.",
		units:       []string{"releve-pop.service", "releve-pop-channel.service"},
		gone:        []string{"/var/lib/releve-pop", "/etc/releve/pop.yaml"},
	},
}

// Make writes each product's package beside its program, in bin; root is the source
// tree's. It returns the files.
func Make(root, bin, version, arch string) (names []string, err error) {
	license, err := os.ReadFile(filepath.Join(root, "LICENSE"))
	if err != nil {
		return nil, err
	}
	for _, p := range products {
		name, err := p.make(license, bin, version, arch)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.program, err)
		}
		names = append(names, name)
	}
	return names, nil
}

// VSocket is the package of a vSocket with this program.
func VSocket(program []byte, version, arch string) (*deb.Package, error) {
	at, err := moment()
	if err != nil {
		return nil, err
	}
	return products[0].build(program, nil, version, arch, at)
}

// make writes one package beside its program.
func (p *product) make(license []byte, bin, version, arch string) (string, error) {
	program, err := os.ReadFile(filepath.Join(bin, p.program))
	if err != nil {
		return "", fmt.Errorf("%w\nhint: make build makes it", err)
	}
	at, err := moment()
	if err != nil {
		return "", err
	}
	made, err := p.build(program, license, version, arch, at)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := made.Write(&out); err != nil {
		return "", err
	}
	name := filepath.Join(bin, made.Name())
	return name, os.WriteFile(name, out.Bytes(), 0o644)
}

// moment is the time of the files: SOURCE_DATE_EPOCH, where somebody sets it.
func moment() (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), nil
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, errors.New("SOURCE_DATE_EPOCH is not a number of seconds")
	}
	return time.Unix(seconds, 0), nil
}

func (p *product) build(program, license []byte, version, arch string, at time.Time) (*deb.Package, error) {
	doc := "/usr/share/doc/" + p.program + "/"
	made := &deb.Package{
		Control: deb.Control{
			Name: p.program, Version: version, Architecture: arch,
			Maintainer: "Releve <packages@releve.dev>", Homepage: "https://releve.dev", Recommends: "ca-certificates",
			Summary: p.summary, Description: p.description,
		},
		Files: []deb.File{
			{Path: "/usr/bin/" + p.program, Mode: 0o755, Data: program},
			{Path: doc + p.sampleName, Mode: 0o644, Data: []byte(p.sample())},
			{Path: doc + "copyright", Mode: 0o644, Data: license},
		},
		Empty: []string{"/etc/releve"}, Scripts: map[string]string{}, Time: at,
	}
	add := func(to, name string, conffile bool) error {
		data, err := sources.ReadFile(path.Join(p.folder, name))
		made.Files = append(made.Files, deb.File{Path: path.Join(to, name), Mode: 0o644, Data: data, Conffile: conffile})
		return err
	}
	errs := []error{add("/etc/sysctl.d", p.sysctl, true)}
	if p.networkd != "" {
		errs = append(errs, add("/usr/lib/systemd/networkd.conf.d", p.networkd, false))
	}
	for _, unit := range p.units {
		errs = append(errs, add("/usr/lib/systemd/system", unit, false))
	}
	words := strings.NewReplacer("@UNITS@", strings.Join(p.units, " "), "@GONE@", strings.Join(p.gone, " "))
	for _, name := range []string{"postinst", "prerm", "postrm"} {
		text, err := sources.ReadFile(name)
		errs = append(errs, err)
		made.Scripts[name] = words.Replace(string(text))
	}
	return made, errors.Join(errs...)
}
