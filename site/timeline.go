package site

import "time"

// Entry is one line of a timeline (B13): what one vSocket saw, decided or
// called. What is a constant text that programs may match; Detail is for people.
type Entry struct {
	Wall   time.Time     `json:"time"`
	At     time.Duration `json:"at"` // CLOCK_BOOTTIME, so that all programs of one machine line up
	Who    string        `json:"who"`
	What   string        `json:"what"`
	Detail string        `json:"detail,omitempty"`
}
