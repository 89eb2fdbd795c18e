package main

import (
	"image"
	"image/color"
	"testing"
)

// A picture keeps the colours that it has most of, and gets others near to them.
func TestFewColours(t *testing.T) {
	seen := image.NewRGBA(image.Rect(0, 0, 40, 20))
	white, rare := color.RGBA{255, 255, 255, 255}, color.RGBA{10, 1, 0, 255}
	for i := range 800 {
		c := white
		if i < 300 {
			c = color.RGBA{uint8(i % 150), uint8(i % 2), uint8(i / 150), 255}
		}
		seen.SetRGBA(i%40, i/40, c)
	}
	small := fewColours(seen)
	if len(small.Palette) != 256 || small.At(39, 19) != white {
		t.Errorf("%d colours, %v", len(small.Palette), small.At(39, 19))
	}
	if got := small.At(11, 0).(color.RGBA); got.R > rare.R+2 || got.R < rare.R-2 {
		t.Errorf("%v is far from %v", got, seen.At(11, 0))
	}
}
