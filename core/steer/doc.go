// Package steer moves the floating IP: from what ARM shows it decides the next
// conditional read or write, until a read shows what is wanted. It makes no
// call and knows no clock; time and answers come in, requests go out.
package steer
