// Package kafkatest runs the five examples on a real Kafka: the workers are the built binaries, started, stopped and killed as processes,
// and what they put out is read by a client that knows nothing of them and compared with what the tests compute for themselves.
//
//	go test -tags kafka -count=1 -v ./examples/kafkatest      (make kafka-test)
//
// It starts a single-node Kafka by .ci/kafka.sh, in a temporary folder and on a free port, and stops it at the end. Nothing is skipped:
// without Java, without the jars, or without the real input the tests fail and say why. The input is looked for where ORDERS_DATA and
// POWER_DATA say, else in ../shared/data beside the repository.
//
// At the end the tests that ran are compared with the list in main_test.go, so that none is lost by a new name.
//
// It is no test of the runtime's parts, and none of Kafka. TestMain owns the broker; each test owns the workers it starts, and they are
// killed when it ends. The tests run one after the other: one of them stops the broker.
package kafkatest
