#!/usr/bin/env bash
# kafka.sh runs a real single-node Apache Kafka (KRaft, no ZooKeeper) on 127.0.0.1 for tests and benchmarks.
#
#   kafka.sh start   [--dir D] [--port N] [--heap 1g] [--set key=value]…   start it, wait until it answers, print host:port
#   kafka.sh stop    [--dir D]      stop it cleanly; its data stays
#   kafka.sh kill    [--dir D]      kill -9 it; its data stays
#   kafka.sh address [--dir D]      print host:port of the running broker
#   kafka.sh id      [--dir D]      ask the running broker for its cluster id and print it
#   kafka.sh pid     [--dir D]      print the broker's process id
#   kafka.sh version                print the version that start runs
#   kafka.sh libs    [--pom F]      print the class path of a pom's jars (default: the broker's), fetching them once
#   kafka.sh javac   [--pom F] -- ARGS…   compile with these jars on the class path
#
# --dir   where the broker keeps everything: configuration, log, process id, topics (default .kafka)
# --port  the port it listens on (default 19092; 0 picks a free one). The controller's port is always picked.
# --set   any broker property, for example --set log.retention.check.interval.ms=5000; wins over the defaults below
#
# It needs java 17 or newer and, the first time, Maven and the network; jars are kept under
# ${XDG_CACHE_HOME:-~/.cache}/faustgen. As root on a system with apt-get it installs what is missing.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
broker_pom=$here/kafka/pom.xml

die() { echo "kafka.sh: $*" >&2; exit 1; }
usage() { sed -n '2,20s/^# \{0,1\}//p' "$0" >&2; exit 2; }

# --- what must be installed ---------------------------------------------------------------------

# need makes sure that a program is there, from the Debian package named second.
need() {
  command -v "$1" >/dev/null && return
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "kafka.sh: $1 is missing, installing $2" >&2
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends "$2"; } >&2 ||
      die "apt-get could not install $2; install a package that provides $1 and try again"
    command -v "$1" >/dev/null || die "$2 is installed but there is still no $1 in PATH"
  else
    die "$1 is missing; install it (Debian: apt-get install $2) and try again"
  fi
}

need_java() {
  need java openjdk-17-jre-headless
  local major
  major=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
  [ "${major:-0}" -ge 17 ] || die "java ${major:-of unknown version} is too old for Kafka 4; put java 17 or newer first in PATH"
}

# libs prints the class path of the pom's jars. The folder's name carries the pom's checksum, so a changed pom
# fetches anew; it appears under that name only when complete, so an interrupted download is never used.
libs() {
  local cache jars sum
  cache=${XDG_CACHE_HOME:-${HOME:?set HOME or XDG_CACHE_HOME: the jars need a place}/.cache}/faustgen
  sum=$(cksum <"$pom" | cut -d' ' -f1)
  jars=$cache/jars-$sum
  if [ ! -d "$jars" ]; then
    need_java
    need mvn maven
    mkdir -p "$cache"
    local fresh=$jars.$$
    echo "kafka.sh: fetching the jars of $pom" >&2
    mvn -q -B -f "$pom" -Dmaven.wagon.http.retryHandler.count=3 \
      dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$fresh" >&2 ||
      { rm -rf "$fresh"; die "maven could not fetch the jars of $pom; is Maven Central (or your mirror of it) reachable?"; }
    # Another process may have been faster; its folder holds the same.
    if [ -d "$jars" ]; then rm -rf "$fresh"; else mv "$fresh" "$jars"; fi
  fi
  echo "$jars/*"
}

# --- the running broker -------------------------------------------------------------------------

# alive tells whether the broker of $dir runs. A process id alone could by now be somebody else's.
alive() {
  [ -s "$dir/broker.pid" ] || return 1
  local pid
  pid=$(cat "$dir/broker.pid")
  kill -0 "$pid" 2>/dev/null || return 1
  if [ -r "/proc/$pid/cmdline" ]; then
    tr '\0' '\n' <"/proc/$pid/cmdline" | grep -qxF "$dir/server.properties"
  else
    ps -p "$pid" -o command= | grep -qF "$dir/server.properties"
  fi
}

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port stays below 32768, where Linux begins to hand out ports to outgoing connections.
free_port() {
  local p
  while p=$((20000 + RANDOM % 12000)) && listening "$p"; do :; done
  echo "$p"
}

# byte reads one byte of the connection on descriptor 3 into $b, as a number. A zero byte ends read's (empty) line.
byte() {
  local c
  LC_ALL=C IFS= read -r -d '' -n 1 -t 5 -u 3 c || return 1
  if [ -z "$c" ]; then b=0; else b=$(($(LC_ALL=C printf '%d' "'$c") & 255)); fi
}
# int reads a big-endian number of $1 bytes into $i.
int() { local k; i=0; for ((k = 0; k < $1; k++)); do byte || return 1; i=$((i << 8 | b)); done; }
# str reads a nullable string (two bytes of length, 65535 for null) into $s.
str() {
  local k n; int 2 || return 1
  n=$i; s=
  [ "$n" -lt 65535 ] || return 0
  for ((k = 0; k < n; k++)); do byte || return 1; s+=$(printf "\\$(printf %03o "$b")"); done
}

# cluster_id sends a Metadata request (version 2, no topics) and prints the id in the answer. It fails while the
# broker is not yet registered with its controller: a port that accepts connections proves less.
cluster_id() (
  exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
  printf '\0\0\0\16\0\3\0\2\0\0\0\1\377\377\0\0\0\0' >&3
  int 4 && int 4 && int 4 || exit 1
  [ "$i" -ge 1 ] || exit 1
  for ((k = i; k > 0; k--)); do int 4 && str && int 4 && str || exit 1; done
  str && [ -n "$s" ] && echo "$s"
) 2>/dev/null

configure() { # $1 broker port, $2 controller port
  cat <<P
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$2
listeners=PLAINTEXT://127.0.0.1:$1,CONTROLLER://127.0.0.1:$2
advertised.listeners=PLAINTEXT://127.0.0.1:$1
controller.listener.names=CONTROLLER
log.dirs=$dir/topics
# One node: every internal topic has one replica.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# A test's first member need not wait for others.
group.initial.rebalance.delay.ms=0
# A misspelt topic is an error, not a new topic.
auto.create.topics.enable=false
P
  local p
  for p in "${props[@]+"${props[@]}"}"; do echo "$p"; done
}

launch() { # $1 class path; writes broker.pid
  local logging=(-Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.showDateTime=true)
  if [ ! -f "$dir/topics/meta.properties" ]; then
    local uuid
    uuid=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c1-22)
    # Kafka's tools would take a leading dash for an option.
    java -cp "$1" "${logging[@]}" kafka.tools.StorageTool format \
      -t "K${uuid:1}" -c "$dir/server.properties" >"$dir/format.log" 2>&1 ||
      { cat "$dir/format.log" >&2; die "formatting $dir/topics did not work, see above"; }
  fi
  # An own process group: the terminal's Ctrl-C is for the caller, who then stops the broker in order.
  set -m
  nohup java "-Xmx$heap" "-Xms$heap" -XX:+ExitOnOutOfMemoryError -cp "$1" "${logging[@]}" \
    kafka.Kafka "$dir/server.properties" >"$dir/broker.log" 2>&1 </dev/null &
  echo $! >"$dir/broker.pid"
  set +m
}

# await returns 0 once the broker on port $1 answers, 1 when it died because a port was taken meanwhile.
await() {
  local until=$((SECONDS + 120))
  while [ $SECONDS -lt $until ]; do
    if cluster_id "$1" >/dev/null; then return 0; fi
    # Not alive, which reads the command line: in its first moments the process still has that of this script.
    if ! kill -0 "$(cat "$dir/broker.pid")" 2>/dev/null; then
      grep -q 'Address already in use' "$dir/broker.log" && return 1
      tail -n 20 "$dir/broker.log" >&2
      die "the broker ended before it answered; its log is $dir/broker.log"
    fi
    sleep 0.2
  done
  die "the broker did not answer within 120 s; its log is $dir/broker.log (kafka.sh kill --dir $dir ends it)"
}

start() {
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd)
  if alive; then
    local now
    now=$(cat "$dir/port")
    [ "$port" = 0 ] || [ "$port" = "$now" ] || die "a broker with this folder runs on port $now already; stop it first: kafka.sh stop --dir $dir"
    await "$now" || die "the broker with this folder is gone; see $dir/broker.log"
    echo "127.0.0.1:$now"
    return
  fi
  [ "$port" = 0 ] || ! listening "$port" || die "port $port is taken; choose another with --port, or --port 0 for a free one"
  need_java
  local cp try p
  cp=$(libs)
  for try in 1 2 3; do
    p=$port
    [ "$p" != 0 ] || p=$(free_port)
    configure "$p" "$(free_port)" >"$dir/server.properties"
    echo "$p" >"$dir/port"
    launch "$cp"
    if await "$p"; then
      echo "127.0.0.1:$p"
      return
    fi
  done
  die "three times in a row a port was taken while the broker started; its log is $dir/broker.log"
}

stop() { # $1 signal
  alive || { rm -f "$dir/broker.pid"; echo "kafka.sh: no broker runs with $dir" >&2; return; }
  local pid until=$((SECONDS + 60))
  pid=$(cat "$dir/broker.pid")
  kill "-$1" "$pid"
  while kill -0 "$pid" 2>/dev/null; do
    [ $SECONDS -lt $until ] || die "the broker (process $pid) did not end within 60 s; kafka.sh kill --dir $dir ends it"
    sleep 0.1
  done
  rm -f "$dir/broker.pid"
}

running_port() {
  alive || die "no broker runs with $dir; start it first: kafka.sh start --dir $dir"
  cat "$dir/port"
}

# --- the command line ---------------------------------------------------------------------------

[ $# -gt 0 ] || usage
verb=$1; shift
dir=.kafka port=19092 heap=1g pom=$broker_pom props=() rest=()
while [ $# -gt 0 ]; do
  case $1 in
    --) shift; rest=("$@"); break ;;
    --dir | --port | --heap | --set | --pom) [ $# -gt 1 ] || die "$1 needs a value" ;;
    *) die "unknown argument $1; kafka.sh without arguments prints its usage" ;;
  esac
  case $1 in
    --dir) dir=$2 ;;
    --port) case $2 in '' | *[!0-9]*) die "--port $2 is not a number" ;; *) port=$2 ;; esac ;;
    --heap) heap=$2 ;;
    --set) case $2 in *=*) props+=("$2") ;; *) die "--set takes key=value, not $2" ;; esac ;;
    --pom) pom=$2; [ -r "$pom" ] || die "there is no $pom" ;;
  esac
  shift 2
done
if [ -d "$dir" ]; then dir=$(cd "$dir" && pwd); fi

case $verb in
  start) start ;;
  stop) stop TERM ;;
  kill) stop KILL ;;
  address) p=$(running_port); echo "127.0.0.1:$p" ;;
  id) p=$(running_port); cluster_id "$p" || die "the broker on port $p does not answer" ;;
  pid) running_port >/dev/null; cat "$dir/broker.pid" ;;
  version) sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$broker_pom" ;;
  libs) libs ;;
  javac)
    need_java
    need javac openjdk-17-jdk-headless
    cp=$(libs)
    exec javac -cp "$cp" "${rest[@]+"${rest[@]}"}" ;;
  help | -h | --help) usage ;;
  *) die "unknown command $verb; kafka.sh without arguments prints its usage" ;;
esac
