// Package power averages what electricity meters read, hour by hour, in the time of the readings themselves. When an hour has closed its
// averages go to a topic.
//
//	go run ./examples/power/cmd/power worker --broker embedded &
//	go run ./examples/power/cmd/power load household_power_consumption.csv.gz
//	go run ./examples/power/cmd/power query hourly house-0/total
//
// `make run` does all of it and shows what comes out.
//
//faust:app power
package power
