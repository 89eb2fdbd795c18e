package store

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"releve.dev/releve/azure/emulator/profile"
	"releve.dev/releve/azure/emulator/tree"
)

// extensionKind is Microsoft.Compute/virtualMachines/extensions, of which the
// custom script extension of Linux really does something (learn.microsoft.com/
// azure/virtual-machines/extensions/custom-script-linux).
var extensionKind = new(kind)

func init() {
	register(extensionKind, kind{
		name: "Microsoft.Compute/virtualMachines/extensions", class: profile.Compute, tracked: true, putName: "PutVirtualMachineExtensionOperation",
		readOnly: []string{"instanceView"},
		accept:   acceptExtension, begun: extensionBegun, expand: expandExtension,
	})
}

// customScript is the handler that runs scripts, and the version of it that a
// guest reports.
const (
	customScript        = "Microsoft.Azure.Extensions.CustomScript"
	customScriptVersion = "2.1.10"
)

func acceptExtension(s *Store, w *write) *Error {
	properties, e := ensureProperties(w)
	if e != nil {
		return e
	}
	for _, name := range []string{"publisher", "type", "typeHandlerVersion"} {
		if tree.Text(properties, name) == "" {
			return bad("InvalidParameter", "Required parameter '%s' is missing (null).", name)
		}
		if w.old != nil && name != "typeHandlerVersion" && !strings.EqualFold(tree.Text(w.old.doc, "properties", name), tree.Text(properties, name)) {
			return notChangeable(name)
		}
	}
	vm := s.byKey[strings.ToLower(w.target.parentID)]
	if power := vm.extra["power"]; power != string(PowerRunning) && !w.call.direct {
		return conflict("OperationNotAllowed", "Cannot modify extensions in the VM when the VM is not running.")
	}
	handler := handlerOf(w.doc)
	for _, r := range s.under(vm.key) {
		if r.kind == extensionKind && r.key != w.key && strings.EqualFold(handlerOf(r.doc), handler) {
			return bad("BadRequest",
				"Multiple VMExtensions per handler not supported for OS type 'Linux'. VMExtension '%s' with handler '%s' already added or specified in input.", r.name, handler)
		}
	}
	if version := tree.Text(properties, "typeHandlerVersion"); strings.EqualFold(handler, customScript) && version != "2.0" && version != "2.1" {
		return notFound("ArtifactNotFound",
			"Extension with publisher '%s', type '%s', and type handler version '%s' could not be found in the extension repository.",
			tree.Text(properties, "publisher"), tree.Text(properties, "type"), version)
	}
	prepareScript(w, properties, handler)
	return nil
}

func notChangeable(name string) *Error {
	return conflict("PropertyChangeNotAllowed", "Changing property '%s' is not allowed.", name)
}

// prepareScript takes the protected settings out of the body, and has the
// script run if something has changed: the agent runs each configuration once.
func prepareScript(w *write, properties tree.Object, handler string) {
	protected := tree.Sub(properties, "protectedSettings")
	delete(properties, "protectedSettings")
	fresh := string(tree.Render(tree.Object{"settings": orEmpty(tree.Sub(properties, "settings")), "protected": orEmpty(protected),
		"version": tree.Text(properties, "typeHandlerVersion"), "tag": tree.Text(properties, "forceUpdateTag")}))
	if fresh == w.extra["configuration"] {
		return
	}
	w.extra["configuration"] = fresh
	for _, name := range []string{"exit", "stdout", "stderr", "refused"} {
		delete(w.extra, name)
	}
	if !strings.EqualFold(handler, customScript) {
		return
	}
	settings := tree.Sub(properties, "settings")
	command, refused := commandOf(settings, protected)
	if refused != "" {
		w.extra["refused"] = refused
		return
	}
	w.call.script = &Script{Extension: w.id, Command: command, Settings: tree.Clone(settings), Protected: protected}
}

func orEmpty(o tree.Object) tree.Object {
	if o == nil {
		return tree.Object{}
	}
	return o
}

// maxScript bounds a script that was given compressed: the extension allows
// 256 KB.
const maxScript = 256 << 10

// customScriptSettings are all that the handler's schema allows in the public
// settings.
var customScriptSettings = []string{"commandToExecute", "script", "fileUris", "skipDos2Unix", "timestamp"}

// commandOf is what the extension runs, or why it refuses its settings.
func commandOf(settings, protected tree.Object) (command, refused string) {
	for _, name := range sortedNames(settings) {
		if !slices.Contains(customScriptSettings, name) {
			return "", "json validation error: settings: Additional property " + name + " is not allowed"
		}
	}
	command, script := tree.Text(settings, "commandToExecute"), tree.Text(settings, "script")
	for name, value := range map[string]*string{"commandToExecute": &command, "script": &script} {
		secret := tree.Text(protected, name)
		if *value != "" && secret != "" {
			return "", "'" + name + "' was specified both in public and protected settings; it must be specified only once"
		}
		*value += secret
	}
	switch {
	case command != "" && script != "":
		return "", "'commandToExecute' and 'script' were both specified; specify only one"
	case command != "":
		return command, ""
	case script == "":
		return "", "'commandToExecute' is not specified"
	}
	raw, err := base64.StdEncoding.DecodeString(script)
	if err != nil {
		return "", "failed to decode script: " + err.Error()
	}
	if unpacked, err := gzip.NewReader(bytes.NewReader(raw)); err == nil {
		if plain, err := io.ReadAll(io.LimitReader(unpacked, maxScript)); err == nil {
			raw = plain
		}
	}
	return string(raw), ""
}

// extensionBegun has the guest run the script, and lets the operation wait for it.
func extensionBegun(s *Store, c *call, r *resource, op *operation) {
	if op.delete {
		return
	}
	if r.extra["refused"] != "" || r.extra["exit"] != "" && r.extra["exit"] != "0" {
		op.failure = extensionFailed(r)
		return
	}
	if c.script == nil {
		return
	}
	vm := s.byKey[strings.ToLower(parentOf(r.id))]
	op.script = c.script
	op.script.Operation = op.ID
	if vm != nil && vm.extra[hostedMark] != "" && s.guests && !c.direct {
		op.waits = true
		s.tellScript(vm, op)
	}
}

// parentOf is the id without its last two segments.
func parentOf(id string) string {
	id = id[:max(0, strings.LastIndexByte(id, '/'))]
	return id[:max(0, strings.LastIndexByte(id, '/'))]
}

// ScriptDone says how a script of a MachineScript event has ended. It reports
// whether somebody waited for it.
func (s *Store) ScriptDone(now time.Duration, id string, exit int, stdout, stderr string) bool {
	s.Advance(now)
	op := s.running[id]
	if op == nil || op.script == nil || !op.waits {
		return false
	}
	r := s.byKey[op.key]
	if r == nil {
		return false
	}
	if op.script.Extension == "" {
		op.result = tree.Object{"value": []any{scriptStatus(exit, stdout, stderr)}}
		s.guestDone(op)
		return true
	}
	setExtra(r, "exit", strconv.Itoa(exit))
	setExtra(r, "stdout", stdout)
	setExtra(r, "stderr", stderr)
	if exit != 0 {
		op.failure = extensionFailed(r)
	}
	s.changed()
	s.guestDone(op)
	return true
}

// scriptMessage is how the custom script extension reports a run.
func scriptMessage(exit int, stdout, stderr string) string {
	first := "Enable succeeded: "
	if exit != 0 {
		first = fmt.Sprintf("Enable failed: failed to execute command: command terminated with exit status=%d", exit)
	}
	return first + "\n[stdout]\n" + stdout + "\n[stderr]\n" + stderr
}

func scriptStatus(exit int, stdout, stderr string) tree.Object {
	status := provisioningStatus(exit == 0)
	status["message"] = scriptMessage(exit, stdout, stderr)
	return status
}

func provisioningStatus(well bool) tree.Object {
	if well {
		return tree.Object{"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded"}
	}
	return tree.Object{"code": "ProvisioningState/failed/1", "level": "Error", "displayStatus": "Provisioning failed"}
}

// reported is the extension's run as its guest has reported it.
func reported(r *resource) (status tree.Object, known bool) {
	if refused := r.extra["refused"]; refused != "" {
		status = provisioningStatus(false)
		status["message"] = "Enable failed: failed to get configuration: invalid configuration: " + refused
		return status, true
	}
	exit, err := strconv.Atoi(r.extra["exit"])
	switch {
	case err == nil:
		return scriptStatus(exit, r.extra["stdout"], r.extra["stderr"]), true
	case r.op != nil:
		return tree.Object{"code": "ProvisioningState/transitioning", "level": "Info", "displayStatus": "Transitioning"}, false
	case r.state == failed:
		return provisioningStatus(false), true
	}
	return scriptStatus(0, "", ""), true
}

func extensionFailed(r *resource) *Error {
	status, _ := reported(r)
	return conflict("VMExtensionProvisioningError",
		"VM has reported a failure when processing extension '%s' (publisher '%s' and type '%s'). Error message: '%s'. More information on troubleshooting is available at https://aka.ms/VMExtensionCSELinuxTroubleshoot. ",
		r.name, tree.Text(r.doc, "properties", "publisher"), tree.Text(r.doc, "properties", "type"), tree.Text(status, "message"))
}

func handlerOf(doc tree.Object) string {
	return tree.Text(doc, "properties", "publisher") + "." + tree.Text(doc, "properties", "type")
}

func handlerVersion(doc tree.Object) string {
	if strings.EqualFold(handlerOf(doc), customScript) {
		return customScriptVersion
	}
	return tree.Text(doc, "properties", "typeHandlerVersion") + ".0.0"
}

// extensionView is the extension's instance view.
func extensionView(r *resource) tree.Object {
	status, _ := reported(r)
	return tree.Object{"name": r.name, "type": handlerOf(r.doc), "typeHandlerVersion": handlerVersion(r.doc), "statuses": []any{status}}
}

// extensions are those of a VM, in order.
func (s *Store) extensions(vm *resource) []*resource {
	var out []*resource
	for _, r := range s.under(vm.key) {
		if r.kind == extensionKind {
			out = append(out, r)
		}
	}
	return out
}

// runCommand is "Virtual Machines - Run Command": a script without a trace but
// its answer.
func runCommand(s *Store, c *call, r *resource) Response {
	body, err := tree.Parse(c.Body)
	if err != nil {
		return bad("InvalidRequestContent", "The request content was invalid and could not be deserialized: '%v'.", err).response()
	}
	if id := tree.Text(body, "commandId"); !strings.EqualFold(id, "RunShellScript") {
		return notFound("CommandNotFound", "The entity was not found. Command '%s' is not one of Linux.", id).response()
	}
	if r.extra["power"] != string(PowerRunning) {
		return conflict("OperationNotAllowed", "The operation requires the VM to be running (or set to run).").response()
	}
	if r.op != nil && r.op.script != nil {
		return conflict("Conflict", "Run command extension execution is in progress. Please wait for completion before invoking a run command.").response()
	}
	lines := tree.Texts(body, "script")
	for _, p := range tree.Objects(body, "parameters") {
		lines = append([]string{tree.Text(p, "name") + "='" + strings.ReplaceAll(tree.Text(p, "value"), "'", `'\''`) + "'"}, lines...)
	}
	c.script = &Script{Command: strings.Join(lines, "\n")}
	op := s.begin(c, r, "VirtualMachineRunCommandOperation", profile.Compute, false)
	if !op.waits {
		op.result = tree.Object{"value": []any{scriptStatus(0, "", "")}}
	}
	return s.accepted(c, r, op)
}

// accepted is the answer to a POST that begins an operation.
func (s *Store) accepted(c *call, r *resource, op *operation) Response {
	if op.Status == succeeded {
		answer := Response{Status: http.StatusOK}
		if op.result != nil {
			answer.Body = tree.Render(op.result)
		}
		return answer
	}
	s.changed()
	answer := Response{Status: http.StatusAccepted}
	s.addAsync(c, &answer, r)
	answer.set("Location", s.operationURL(c, r, r.op, "operationResults"))
	answer.Body = nil
	return answer
}

// expandExtension shows the instance view.
func expandExtension(s *Store, r *resource, what string) tree.Object {
	if !strings.EqualFold(what, "instanceView") {
		return nil
	}
	o := tree.Shallow(s.viewOf(r))
	properties := tree.Shallow(tree.Sub(o, "properties"))
	properties["instanceView"] = extensionView(r)
	o["properties"] = properties
	return o
}
