# Sourced by bench/send and bench/shard, from the repository's root.

# start_nginx runs an nginx that says 200 to everything, over http on port $port and over
# https on the next one, and sets nginx_pid. Its files are in $tmp. It tries ports until
# nginx gets both.
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
