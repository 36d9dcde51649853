// Package clicks counts the views of each page in the last minute, anew every ten seconds, and keeps the counts for ten minutes.
//
//	go run ./examples/clicks/cmd/clicks worker --broker embedded &
//	go run ./examples/clicks/cmd/clicks send clicks '{"url":"/","at":"2026-03-01T12:00:07Z"}'
//	go run ./examples/clicks/cmd/clicks query views /               every window that is kept
//	go run ./examples/clicks/cmd/clicks query views / --delta 1m    the minute before the newest click
//
//faust:app clicks
package clicks
