package units

import (
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
)

// readOver are the settings that the lab doesn't play and that change nothing of
// what it proves: words for people, the order of a whole boot, and the fences.
var readOver = []string{
	"Unit.Description", "Unit.Documentation", "Unit.Before", "Unit.PartOf", "Unit.StartLimitIntervalSec", "Unit.StartLimitBurst",
	"Unit.DefaultDependencies", "Unit.Conflicts",
	"Service.StandardOutput", "Service.StandardError", "Service.SyslogIdentifier", "Service.KillSignal", "Service.SendSIGKILL",
	"Service.StartLimitIntervalSec", "Service.StartLimitBurst", "Service.Slice", "Service.Delegate", "Service.TasksMax", "Service.OOMScoreAdjust",
	"Service.LimitNOFILE", "Service.LimitMEMLOCK", "Service.LimitNPROC", "Service.LimitCORE", "Service.LimitNICE", "Service.LimitRTPRIO",
	"Service.CPUSchedulingPolicy", "Service.CPUSchedulingPriority", "Service.CPUSchedulingResetOnFork", "Service.CPUWeight", "Service.StartupCPUWeight",
	"Service.IOSchedulingClass", "Service.IOSchedulingPriority", "Service.IOWeight", "Service.MemoryMin", "Service.MemoryLow", "Service.MemoryMax", "Service.MemoryHigh",
	"Service.UMask", "Service.ConfigurationDirectory",
	"Service.ConfigurationDirectoryMode", "Service.CapabilityBoundingSet", "Service.AmbientCapabilities", "Service.NoNewPrivileges", "Service.SecureBits",
	"Service.ReadWritePaths", "Service.ReadOnlyPaths", "Service.InaccessiblePaths", "Service.BindPaths", "Service.BindReadOnlyPaths", "Service.TemporaryFileSystem",
	"Service.DevicePolicy", "Service.DeviceAllow", "Service.SystemCallFilter", "Service.SystemCallArchitectures", "Service.SystemCallErrorNumber",
	"Service.LockPersonality", "Service.MemoryDenyWriteExecute", "Service.RemoveIPC", "Service.ProcSubset", "Service.IPAddressAllow", "Service.IPAddressDeny",
	"Service.KeyringMode", "Service.TimeoutAbortSec", "Service.SupplementaryGroups", "Service.NotifyAccess",
}

// fences are the beginnings of further such names.
var fences = []string{"Private", "Protect", "Restrict"}

// skipped reports whether a setting is read over.
func skipped(section, key string) bool {
	if section == "Service" && slices.ContainsFunc(fences, func(f string) bool { return strings.HasPrefix(key, f) }) {
		return true
	}
	return slices.Contains(readOver, section+"."+key)
}

// set takes a setting in. An empty value empties a list (systemd.syntax(7)).
func (s *Service) set(section, key, value string) (err error) {
	if skipped(section, key) {
		return nil
	}
	if strings.Contains(strings.ReplaceAll(value, "%%", ""), "%") {
		return fmt.Errorf("%s=%s: the lab knows no specifiers", key, value)
	}
	value = strings.ReplaceAll(value, "%%", "%")
	if list := s.list(section, key); list != nil {
		if value == "" {
			*list = nil
			return nil
		}
		*list = append(*list, strings.Fields(value)...)
		return nil
	}
	if commands := s.commands(section, key); commands != nil {
		if value == "" {
			*commands = nil
			return nil
		}
		c, err := command(value)
		*commands = append(*commands, c)
		return err
	}
	switch section + "." + key {
	case "Service.Type":
		if s.Type = value; !slices.Contains([]string{"simple", "exec", "oneshot"}, value) {
			return fmt.Errorf("the lab doesn't play Type=%s", value)
		}
	case "Service.User", "Service.Group":
		if value != "root" && value != "" {
			return fmt.Errorf("%s=%s: the lab runs all as root", key, value)
		}
	case "Service.Restart":
		if s.Restart = value; !slices.Contains([]string{"no", "always", "on-success", "on-failure", "on-abnormal", "on-abort"}, value) {
			return fmt.Errorf("the lab doesn't play Restart=%s", value)
		}
	case "Service.RemainAfterExit":
		s.Remain = yes(value)
	case "Service.KillMode":
		if s.Kill = value; !slices.Contains([]string{"control-group", "mixed", "process"}, value) {
			return fmt.Errorf("the lab doesn't play KillMode=%s", value)
		}
	case "Service.RuntimeDirectoryPreserve":
		s.Preserve = yes(value)
	case "Service.StateDirectoryMode":
		s.StateMode, err = mode(value)
	case "Service.RuntimeDirectoryMode":
		s.RuntimeMode, err = mode(value)
	case "Service.RestartSec":
		s.RestartAfter, err = span(value)
	case "Service.TimeoutStartSec":
		s.StartWithin, err = span(value)
	case "Service.TimeoutStopSec":
		s.StopWithin, err = span(value)
	case "Service.TimeoutSec":
		s.StopWithin, err = span(value)
		s.StartWithin = s.StopWithin
	case "Service.Nice":
		s.Nice, err = strconv.Atoi(value)
	case "Service.WorkingDirectory":
		s.Directory = value
	case "Service.Environment":
		var words []string
		words, err = split(value)
		s.Environment = append(s.Environment, words...)
	case "Service.EnvironmentFile":
		s.EnvFiles = append(s.EnvFiles, value)
	case "Unit.ConditionPathExists":
		s.Conditions = append(s.Conditions, value)
	default:
		return fmt.Errorf("the lab doesn't play %s= in [%s]", key, section)
	}
	return err
}

func yes(value string) bool { return slices.Contains([]string{"yes", "true", "on", "1"}, value) }

func mode(value string) (fs.FileMode, error) {
	n, err := strconv.ParseUint(value, 8, 9)
	return fs.FileMode(n), err
}

func (s *Service) list(section, key string) *[]string {
	switch section + "." + key {
	case "Unit.After":
		return &s.After
	case "Unit.Requires", "Unit.BindsTo":
		return &s.Requires
	case "Unit.Wants":
		return &s.Wants
	case "Install.WantedBy":
		return &s.WantedBy
	case "Install.Also":
		return &s.Also
	case "Service.StateDirectory":
		return &s.State
	case "Service.RuntimeDirectory":
		return &s.Runtime
	}
	return nil
}

func (s *Service) commands(section, key string) *[]Command {
	switch section + "." + key {
	case "Service.ExecStartPre":
		return &s.Pre
	case "Service.ExecStart":
		return &s.Start
	case "Service.ExecReload":
		return &s.Reload
	case "Service.ExecStop":
		return &s.Stop
	}
	return nil
}

func command(value string) (c Command, err error) {
	for value != "" && strings.ContainsRune("-:+!", rune(value[0])) {
		c.Ignore = c.Ignore || value[0] == '-'
		value = value[1:]
	}
	if c.Words, err = split(value); err != nil {
		return c, err
	}
	if len(c.Words) == 0 || strings.HasPrefix(c.Words[0], "@") {
		return c, fmt.Errorf("%q is no command that the lab starts", value)
	}
	return c, nil
}

// split takes a line apart as systemd does: quotes of both kinds hold words together.
func split(line string) (words []string, err error) {
	var word strings.Builder
	var quote rune
	begun, escaped := false, false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, begun = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, begun = r, true
		case quote == 0 && (r == ' ' || r == '\t'):
			if begun {
				words = append(words, word.String())
				word.Reset()
			}
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	if quote != 0 || escaped {
		return nil, fmt.Errorf("%q has an open quote", line)
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}

// Expand puts variables into a command's words: ${NAME} within a word, $NAME as a
// word of its own, which becomes as many words as it has.
func (c Command) Expand(env []string) []string {
	value := func(name string) string {
		for _, line := range slices.Backward(env) {
			if v, found := strings.CutPrefix(line, name+"="); found {
				return v
			}
		}
		return ""
	}
	var words []string
	for i, word := range c.Words {
		if name, found := strings.CutPrefix(word, "$"); i > 0 && found && name != "" && name[0] != '{' && name[0] != '$' {
			words = append(words, strings.Fields(value(name))...)
			continue
		}
		words = append(words, braces(word, value))
	}
	return words
}

func braces(word string, value func(string) string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(word, "${")
		out.WriteString(before)
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			if found {
				out.WriteString("${" + rest)
			}
			return out.String()
		}
		out.WriteString(value(name))
		word = after
	}
}
