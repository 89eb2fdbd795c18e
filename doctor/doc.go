// Package doctor says what is wrong with a site in Azure: facts in, findings
// out, each with what, where, why, and remedies that are data (requirement C5).
//
// Facts of Azure are gathered by setup/survey, facts of a guest by
// vsocket/examine. Either may be missing: a rule judges what is there, and what
// couldn't be looked at is a finding of its own, never a silent pass.
package doctor
