package plan

import (
	"testing"

	"releve.dev/releve/doctor"
	"releve.dev/releve/setup/document"
)

// What --fix does is what the remedies say, and nothing that isn't safe.
func TestMend(t *testing.T) {
	put := doctor.Remedy{Safe: true, Request: &doctor.Request{Method: "PUT", ID: "/nic", Edits: []doctor.Edit{{Path: []string{"properties", "on"}, Value: true}}}}
	start := doctor.Remedy{Safe: true, Request: &doctor.Request{Method: "POST", ID: "/vm/start"}}
	lock := doctor.Remedy{Request: &doctor.Request{Method: "DELETE", ID: "/lock"}}
	guest := doctor.Remedy{Safe: true, Guest: &doctor.GuestSetting{Member: 1}, Command: "sysctl"}
	steps := Mend([]doctor.Finding{{Code: "a", Remedies: []doctor.Remedy{put, start}}, {Code: "b", Remedies: []doctor.Remedy{lock, put}}, {Code: "c", Remedies: []doctor.Remedy{guest}}},
		[2]string{"/vm1", "/vm2"})
	if len(steps) != 3 || steps[0].Name != "a-1" || steps[1].Name != "a-2" || steps[2].Name != "c-3" {
		t.Fatalf("%+v", steps)
	}
	shall, err := steps[0].Change(document.Must(`{"properties":{"kept":1}}`), &Known{})
	if err != nil || string(shall.JSON()) != `{"properties":{"kept":1,"on":true}}` {
		t.Errorf("%s, %v", shall.JSON(), err)
	}
	if steps[1].ID != "/vm" || steps[1].Act.Post != "start" {
		t.Errorf("%+v", steps[1])
	}
	if steps[2].ID != "/vm2" || steps[2].Act.Post != "runCommand" || steps[2].Act.Body.Texts("script")[0] != "sysctl" {
		t.Errorf("%+v", steps[2])
	}
}
