package fence

import "testing"

// Nobody is sent to another host, whatever a browser makes of a path.
func TestPath(t *testing.T) {
	for asked, want := range map[string]string{
		"/sites/1?x=y": "/sites/1?x=y", "/": "/", "": "/", "sites": "/", "//elsewhere.example": "/", "/\\elsewhere.example": "/", "https://elsewhere.example/": "/",
		"javascript:alert(1)": "/", "/\t/elsewhere.example": "/", "/a\r\nLocation: b": "/", "/%zz": "/",
	} {
		if got := Path(asked); got != want {
			t.Errorf("%q: %q, want %q", asked, got, want)
		}
	}
}
