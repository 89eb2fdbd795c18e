package story

import (
	"fmt"
	"io"
	"os"

	"releve.dev/releve/lab/report"
	"releve.dev/releve/lab/term"
	"releve.dev/releve/lab/world"
)

type Show struct{}

func New(out *os.File, style term.Style, name string, opt world.Options) *Show { return &Show{} }
func (s *Show) Rising()                                                        { fmt.Println("rising") }
func (s *Show) Up(*world.World)                                                { fmt.Println("up") }
func (s *Show) Done(*report.Report)                                            {}
func (s *Show) Close()                                                         {}
func (s *Show) Hint(string)                                                    {}
func WriteStatus(w io.Writer, style term.Style, look *world.Status) error      { return nil }
