package steer

import (
	"encoding/json"
	"slices"
	"strings"
)

// view is what is read of a VM's instance view.
type view struct {
	Properties struct {
		View struct {
			Statuses []status `json:"statuses"`
		} `json:"instanceView"`
	} `json:"properties"`
}

type status struct {
	Code string `json:"code"`
}

// vmStopped reads the power state of an instance view.
func vmStopped(body []byte) bool {
	var vm view
	if json.Unmarshal(body, &vm) != nil {
		return false
	}
	for _, status := range vm.Properties.View.Statuses {
		switch status.Code {
		case "PowerState/stopped", "PowerState/deallocated", "PowerState/deallocating":
			return true
		}
	}
	return false
}

// PowerOnly is a VM with nothing but its power state: all that the steering
// reads of it, and all that a record may keep. It is nil for what is no VM.
func PowerOnly(body []byte) []byte {
	var vm view
	if json.Unmarshal(body, &vm) != nil {
		return nil
	}
	statuses := &vm.Properties.View.Statuses
	*statuses = slices.DeleteFunc(*statuses, func(s status) bool { return !strings.HasPrefix(s.Code, "PowerState/") })
	short, err := json.Marshal(vm)
	if err != nil {
		panic("steer: " + err.Error())
	}
	return short
}
