package site

import (
	"strings"
	"testing"
)

// A serial number that is misread or mistyped in one place, or with two
// neighbours changed about, is no other vSocket's.
func TestSerialFindsSlips(t *testing.T) {
	for _, draw := range []uint64{0, 1, 0x7_1234_5678, 1<<35 - 1, 1<<64 - 1} {
		good := MakeSerial(draw)
		if got, err := ParseSerial(string(good)); err != nil || got != good || len(good) != 13 {
			t.Fatalf("%s: %v", good, err)
		}
		for i := range good {
			for _, c := range serialAlphabet {
				slip := string(good[:i]) + string(c) + string(good[i+1:])
				if _, err := ParseSerial(slip); err == nil && slip != string(good) {
					t.Errorf("%s is taken, for %s", slip, good)
				}
			}
			if i+1 < len(good) && good[i] != good[i+1] {
				slip := []byte(good)
				slip[i], slip[i+1] = slip[i+1], slip[i]
				if _, err := ParseSerial(string(slip)); err == nil {
					t.Errorf("%s is taken, for %s", slip, good)
				}
			}
		}
	}
	for draw := range uint64(32 * 32) { // each two neighbours
		slip := []byte(MakeSerial(draw))
		if slip[4] == slip[5] {
			continue
		}
		slip[4], slip[5] = slip[5], slip[4]
		if _, err := ParseSerial(string(slip)); err == nil {
			t.Errorf("%s is taken, for %s", slip, MakeSerial(draw))
		}
	}
	if MakeSerial(1) == MakeSerial(2) {
		t.Error("two draws, one serial number")
	}
}

// What is wrong with a key is told without its secret.
func TestEnrolKeyErrors(t *testing.T) {
	key := EnrolKey{MakeSerial(7), [20]byte{0xde, 0xad}, [32]byte{0xbe, 0xef}}
	text := key.String()
	parts := strings.Split(text, ".")
	for name, bad := range map[string]string{
		"empty": "", "two parts": parts[0] + "." + parts[1], "another serial": "RLV-0000-0001." + parts[1] + "." + parts[2],
		"cut": text[:len(text)-1], "longer": text + "a", "upper case": strings.ToUpper(text), "secret cut": parts[0] + "." + parts[1][1:] + "." + parts[2],
		"spare bits": text[:len(text)-1] + "b", "spaces": " " + text,
	} {
		if k, err := ParseEnrolKey(bad); err == nil || k != (EnrolKey{}) || strings.Contains(err.Error(), parts[1]) {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
}
