// Package colors counts colours: one agent lets the known ones through to a topic of its own, keyed by colour, and a second one counts
// them and says so. Start it two or three times with the same broker, and the workers share the partitions.
//
//	go run ./examples/colors/cmd/colors broker --datadir /path/to/broker &
//	go run ./examples/colors/cmd/colors worker --datadir /path/to/one &
//	go run ./examples/colors/cmd/colors worker --datadir /path/to/two &
//	go run ./examples/colors/cmd/colors send colors '"red"'
//	go run ./examples/colors/cmd/colors query color_count red
//
//faust:app colors
package colors
