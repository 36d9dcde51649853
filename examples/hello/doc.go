// Package hello is the smallest application: a timer sends a greeting every second, an agent prints it.
//
//	go run ./examples/hello/cmd/hello worker --broker embedded
//
//faust:app hello
package hello
