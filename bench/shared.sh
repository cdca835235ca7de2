# Sourced by the benchmarks, from the repository's root. $tmp is the folder of their files.

# stats prints the median, the lowest and the highest of the numbers on stdin.
stats() { sort -n | awk '{ a[NR] = $1 } END { m = NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2; printf "%.3f %.3f %.3f", m, a[1], a[NR] }'; }

# await PATTERN FILE waits until a line of the file matches, and prints the match.
await() {
	for _ in $(seq 1000); do
		grep -aom1 "$1" "$2" && return
		sleep 0.05
	done
	echo "$0: no $1 in $2: $(cat "$2")" >&2
	exit 3
}

# start COMMAND... runs a server, waits for the URL in its output, and sets server and url.
start() {
	: >"$tmp/out" # the last server's URL stands there
	"$@" >"$tmp/out" 2>"$tmp/err" &
	server=$!
	url=$(await 'http://[^"]*' "$tmp/out") || { cat "$tmp/err" >&2; exit 3; }
}

# start_listen FLAG... starts relayctl listen. It shows no event, for the filter is for
# another; it judges and counts all.
start_listen() { start "$tmp/relayctl" listen --tls off --addr :0 --output json --filter account.deactivate "$@"; }

# load NAME CONNECTIONS SECONDS calls the server at $url. It prints requests/s, the server's
# CPU-seconds per 100,000, its peak memory in MiB, and the 99th percentile in milliseconds.
load() {
	local rate failed p99 _
	read -r _ rate failed p99 < <(wrk -t1 -c"$2" -d"${3}s" -s bench/events.lua "$url" | grep '^result')
	[ "$failed" -eq 0 ] || echo "$0: $1 failed $failed requests" >&2
	awk -v rate="$rate" -v s="$3" -v p99="$p99" -v hz="$(getconf CLK_TCK)" -v kb="$(awk '/VmHWM/ { print $2 }' "/proc/$server/status")" \
		'{ print rate, ($14 + $15) / hz / (rate * s) * 100000, kb / 1024, p99 }' "/proc/$server/stat"
}

# start_nginx runs an nginx that answers 200 to everything, over http on port $port and over
# https on the next one, and sets nginx_pid. It tries ports until nginx gets both.
start_nginx() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
		-addext subjectAltName=IP:127.0.0.1 -keyout "$tmp/key.pem" -out "$tmp/cert.pem" 2>/dev/null
	local try
	for try in $(seq 20); do
		port=$((20000 + RANDOM % 20000))
		cat >"$tmp/nginx.conf" <<-CONF
			worker_processes 1; daemon off; pid $tmp/pid; error_log $tmp/error.log;
			events { worker_connections 4096; }
			http {
			  access_log off; keepalive_requests 1000000000; client_body_temp_path $tmp/a; proxy_temp_path $tmp/b;
			  fastcgi_temp_path $tmp/c; uwsgi_temp_path $tmp/d; scgi_temp_path $tmp/e;
			  server {
			    listen 127.0.0.1:$port; listen 127.0.0.1:$((port + 1)) ssl;
			    ssl_certificate $tmp/cert.pem; ssl_certificate_key $tmp/key.pem;
			    location / { return 200; }
			  }
			}
		CONF
		nginx -p "$tmp" -c "$tmp/nginx.conf" 2>/dev/null &
		nginx_pid=$!
		for _ in $(seq 50); do
			kill -0 "$nginx_pid" 2>/dev/null || break
			[ -s "$tmp/pid" ] && return
			sleep 0.1
		done
		wait "$nginx_pid" 2>/dev/null || true
	done
	nginx_pid=
	echo "$0: nginx does not start: $(tail -1 "$tmp/error.log")" >&2
	exit 3
}
