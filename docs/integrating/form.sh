#!/bin/sh
# A card form that stays shut until the call is muted. HTTP; needs curl.
#
#     MUTE_URL=http://127.0.0.1:8080 MUTE_TOKEN=... sh form.sh SIPSIP1
set -eu

section="$MUTE_URL/v1/sections/pay-$(od -An -N16 -tx1 /dev/urandom | tr -d " \n")"

# Prints the status code. The token goes by standard input: others on this machine can read a command's arguments.
ask() {
    printf 'Authorization: Bearer %s\n' "$MUTE_TOKEN" |
        curl --silent --show-error --max-time 6 --output /dev/null --write-out '%{http_code}' --header @- "$@"
}

trap 'ask --request DELETE "$section" >/dev/null' EXIT # also where the answer to PUT was lost: it may have started

code=$(ask --request PUT "$section?wait_ms=3000" \
    --header 'Content-Type: application/json' --data "{\"extension\": \"$1\", \"max_seconds\": 300}")
if [ "$code" != 200 ]; then
    echo "Do not ask for the card: $code" >&2
    exit 1
fi
echo "Ask for the card. Enter closes the form."
read -r _
