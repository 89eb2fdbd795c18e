package page

// icons are outlines on a canvas of 24 by 24, drawn with round ends.
var icons = map[string]string{
	"mark":     "M4 8h12l-4-4M20 16H8l4 4",
	"menu":     "M4 7h16M4 12h16M4 17h16",
	"sites":    "M4 5h16v6H4zM4 13h16v6H4zM8 8h.01M8 16h.01",
	"events":   "M6 17v-6a6 6 0 0 1 12 0v6l1.5 1.5h-15zM10 21.5a2.2 2.2 0 0 0 4 0",
	"audit":    "M9 6h11M9 12h11M9 18h11M4.5 6h.01M4.5 12h.01M4.5 18h.01",
	"people":   "M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3 20a6 6 0 0 1 12 0M16 4.4a3.5 3.5 0 0 1 0 6.2M18 14.6a6 6 0 0 1 3 5.4",
	"key":      "M12 15.5a4 4 0 1 1-8 0 4 4 0 0 1 8 0zM11 12.5l9-9M16.5 7l3 3",
	"settings": "M4 7h9M17 7h3M4 17h3M11 17h9M15 5a2 2 0 1 1 0 4 2 2 0 0 1 0-4zM9 15a2 2 0 1 1 0 4 2 2 0 0 1 0-4z",
	"person":   "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM5 20.5a7 7 0 0 1 14 0",
	"pulse":    "M3 12h4l3-8 4 16 3-8h4",
	"pair":     "M4 8h14l-3.5-3.5M20 16H6l3.5 3.5",
	"terminal": "M4 5h16v14H4zM8 9.5l2.5 2.5L8 14.5M13 15h3",
	"lock":     "M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
	"out":      "M13 4h6v16h-6M3.5 12h11M10.5 8l4 4-4 4",
	"language": "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM3.5 12h17M12 3c2.6 2.6 3.5 5.6 3.5 9s-.9 6.4-3.5 9c-2.6-2.6-3.5-5.6-3.5-9S9.4 5.6 12 3z",
	"dark":     "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z",
	"light":    "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 2.500v2M12 19.500v2M5.3 5.300l1.4 1.400M17.3 17.300l1.4 1.400M2.5 12h2M19.5 12h2M5.3 18.700l1.4-1.400M17.3 6.700l1.4-1.4",
	"route":    "M6 20a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM18 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM8 18h7a3 3 0 0 0 0-6H9a3 3 0 0 1 0-6h7",
	"pin":      "M12 21c-4-4.5-6.5-7.8-6.5-11a6.5 6.5 0 0 1 13 0c0 3.2-2.5 6.5-6.5 11zM12 12a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.400z",
	"socket":   "M4 8h16v8H4zM7.5 12h.01M11 12h.01M16 12h1M7 16v2.500M17 16v2.5",
	"clock":    "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3.5 2",
	"shield":   "M12 3l7.5 2.500v6c0 4.5-3 8-7.5 9.5-4.5-1.5-7.5-5-7.5-9.500v-6zM9 12l2.2 2.200L15.5 10",
	"cloud":    "M7 18.500a4.5 4.5 0 0 1-.5-9 6 6 0 0 1 11.5 1.5 3.8 3.8 0 0 1-.5 7.500z",
}

// Outline is the path of an icon.
func Outline(name string) string {
	d, there := icons[name]
	if !there {
		panic("page: there is no icon " + name) // ours alone name them
	}
	return d
}
