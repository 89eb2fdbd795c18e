// Package browser has the tests that look at a real lab in a real browser: the built
// programs, real packets, an emulated Azure, and the pages of the manager and of both
// vSockets. It is empty but for them. `make test` runs them by themselves, as their
// times mean nothing on a machine that is busy with other tests.
package browser
