#!/usr/bin/env bash
# A conversation over REST alone: two accounts, a room, messages, and news without a socket.
#
#   examples/conversation.sh [http://127.0.0.1:5000]
set -euo pipefail

SERVER=${1:-http://127.0.0.1:5000}
SUFFIX=$RANDOM$RANDOM

# call METHOD PATH TOKEN [BODY]: make a call, and print the answer. KEY, if it is set, names the call.
call() {
  local method=$1 path=$2 token=$3 body=${4-}
  local arguments=(--silent --show-error --fail-with-body -X "$method")
  [ -n "$token" ] && arguments+=(-H "Authorization: Bearer $token")
  [ -n "${KEY-}" ] && arguments+=(-H "Idempotency-Key: $KEY")
  [ -n "$body" ] && arguments+=(-H 'Content-Type: application/json' --data "$body")
  curl "${arguments[@]}" "$SERVER$path"
}

# field NAME: the first field of that name in the JSON on standard input. (With jq: jq -r .NAME)
field() {
  sed -E 's/.*"'"$1"'":"?([^",}]*)"?.*/\1/'
}

# first NAME: the same, but of the first place where it stands.
first() {
  grep -oE "\"$1\":\"?[^\",}]*" | head -n 1 | sed -E 's/^"[^"]*":"?//'
}

echo "1. Ann and Bob make accounts"
account() {
  call POST /api/auth/register "" "{\"username\": \"$1\", \"password\": \"correct horse 42\"}"
}
ann=$(account "ann$SUFFIX")
bob=$(account "bob$SUFFIX")
ann_token=$(field token <<<"$ann")
bob_token=$(field token <<<"$bob")
bob_id=$(first id <<<"$bob")

echo "2. Ann makes a room and brings Bob in"
# With a key, a call is safe to make again when its answer did not come: it is done once.
make_room() {
  KEY="tea-$SUFFIX" call POST /api/rooms "$ann_token" '{"kind": "private", "name": "Tea"}'
}
room=$(make_room | first id)
[ "$room" = "$(make_room | first id)" ] && echo "   asked twice, made once"
call POST "/api/rooms/$room/members" "$ann_token" "{\"userId\": \"$bob_id\"}" >/dev/null

echo "3. Bob waits for news, and Ann says something"
call GET "/api/sync?rooms=$room:0&wait=30" "$bob_token" >"${TMPDIR:-/tmp}/news.$$" &
# A clientId makes it safe to send again when the answer did not come.
said=$(call POST "/api/rooms/$room/messages" "$ann_token" '{"content": "Tea?", "clientId": "tea-1"}')
again=$(call POST "/api/rooms/$room/messages" "$ann_token" '{"content": "Tea?", "clientId": "tea-1"}')
[ "$said" = "$again" ] && echo "   sent twice, said once"
wait
news=$(cat "${TMPDIR:-/tmp}/news.$$")
rm "${TMPDIR:-/tmp}/news.$$"
echo "   Bob heard: $(first content <<<"$news")"

echo "4. Bob reacts, answers, and has read it all"
message=$(first id <<<"$said")
call PUT "/api/messages/$message/reactions/%F0%9F%8D%B5" "$bob_token" >/dev/null
call POST "/api/rooms/$room/messages" "$bob_token" "{\"content\": \"Yes\", \"replyTo\": \"$message\"}" >/dev/null
call POST "/api/rooms/$room/read" "$bob_token" '{}' >/dev/null

echo "5. Ann thinks again"
call PATCH "/api/messages/$message" "$ann_token" '{"content": "Coffee?"}' >/dev/null
call PUT "/api/messages/$message/pin" "$ann_token" >/dev/null

echo "6. Bob asks what has changed since he heard of it"
rev=$(first rev <<<"$news")
changes=$(call GET "/api/rooms/$room/changes?since=$rev" "$bob_token")
grep -oE '"content":"[^"]*"' <<<"$changes" | sed -E 's/"content":"(.*)"/   \1/'

echo "7. They part"
call POST "/api/rooms/$room/leave" "$bob_token" >/dev/null
call DELETE "/api/rooms/$room" "$ann_token" >/dev/null
echo "done"
