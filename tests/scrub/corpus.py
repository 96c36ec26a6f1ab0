"""Planted secrets and harmless strings, written before the rules; all of them are invented."""

from collections.abc import Callable
from typing import Any, NamedTuple

import orjson


class Planted(NamedTuple):
    """A text with a secret in it, and the part that must not be readable afterwards."""

    text: str
    secret: str


KEY_BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiIsIm5hbWUiOiJKb2FuIn0.c2lnbmF0dXJlLW9mLWl0"

# Recognised by their own looks, wherever they stand.
VALUES = (
    Planted(
        f"-----BEGIN RSA PRIVATE KEY-----\n{KEY_BODY}\n-----END RSA PRIVATE KEY-----", KEY_BODY
    ),
    Planted(f"key: -----BEGIN PRIVATE KEY-----\n{KEY_BODY}", KEY_BODY),
    Planted(
        f"-----BEGIN OPENSSH PRIVATE KEY-----\n{KEY_BODY}\n-----END OPENSSH PRIVATE KEY-----\n",
        KEY_BODY,
    ),
    Planted(f"sent {JWT} to peer", JWT),
    Planted("Bearer 9f8e7d6c5b4a39281706", "9f8e7d6c5b4a39281706"),
    Planted("header was 'Basic am9hbjpodW50ZXIy'", "am9hbjpodW50ZXIy"),
    Planted("postgres://app:s3cr3t-pw@db.internal:5432/shop", "s3cr3t-pw"),
    Planted("redis://:hunter2hunter@cache:6379", "hunter2hunter"),
    Planted(
        "clone https://x-oauth-abcdef0123456789@github.com/a/b failed", "x-oauth-abcdef0123456789"
    ),
    Planted("amqp://u:p@ss-w0rd!@mq/vh", "ss-w0rd!"),
    Planted(
        "POST https://hooks.slack.com/services/T024BE7LD/B024BE7LH/qwertyuiop 404", "qwertyuiop"
    ),
    Planted("POST https://discord.com/api/webhooks/123456/AbCdEf-123", "AbCdEf-123"),
    Planted("curl -u joan:sup3rs3cret https://x", "sup3rs3cret"),
    Planted("key sk-proj-abcDEF1234567890abcdefGHIJ", "abcDEF1234567890"),
    Planted("using xoxb-123456789012-abcdefABCDEF", "abcdefABCDEF"),
    Planted("AKIAIOSFODNN7EXAMPLE denied", "AKIAIOSFODNN7EXAMPLE"),
    Planted("assumed ASIAY34FZKBOKMUTVV7A", "ASIAY34FZKBOKMUTVV7A"),
    Planted(
        "git: ghp_16C7e42F292c6912E7710c838347Ae178B4a bad", "16C7e42F292c6912E7710c838347Ae178B4a"
    ),
    Planted("github_pat_11ABCDEFG0aBcDeFgHiJkL_mnop", "11ABCDEFG0aBcDeFgHiJkL"),
    Planted("glpat-ABCdef123456ghiJKL78", "ABCdef123456ghiJKL78"),
    Planted("stripe sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc", "4eC39HqLyjWDarjtT1zdp7dc"),
    Planted("maps AIzaSyA1234567890abcdefghijklmnopqrstuv", "SyA1234567890abcdefghij"),
    Planted("npm_a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6q7r8", "a1b2c3d4e5f6g7h8"),
    Planted("SG.abcdefghijklmnopqrstuv.ABCDEFGHIJKLMNOPQRSTUV", "ABCDEFGHIJKLMNOPQRSTUV"),
    Planted("mail to joan.clarke+x@bletchley.example.org bounced", "joan.clarke"),
    Planted("user=Ada.Lovelace@example.com", "Lovelace"),
    Planted("client 203.0.113.77 closed", "203.0.113.77"),
    Planted("peer /198.51.100.23:443", "198.51.100.23"),
    Planted("from 2001:db8:85a3::8a2e:370:7334 port 22", "8a2e:370:7334"),
    Planted("addr 2001:0db8:85a3:0000:0000:8a2e:0370:7334", "8a2e:0370:7334"),
    Planted("ssn 219-09-9999 given", "219-09-9999"),
    Planted("card 4111 1111 1111 1111 refused", "1111 1111"),
    Planted("pan=5500005555555559", "5500005555555559"),
    Planted("amex 3782-822463-10005", "822463"),
    Planted("iban DE89 3704 0044 0532 0130 00 unknown", "0532"),
    Planted("GB82WEST12345698765432", "WEST12345698765432"),
    Planted("open /home/joanc/shop/app.py", "joanc"),
    Planted("at /Users/adalove/src/x.js:3:4", "adalove"),
    Planted(r"C:\Users\gracehop\AppData\x.log", "gracehop"),
    Planted(r"C:\Users\bobnoyce\x.log", "bobnoyce"),
    Planted("C:\\\\Users\\\\nikola\\\\x.log", "nikola"),
)
# Recognised by the name beside them, in a text.
PAIRS = (
    Planted("password=hunter2abc", "hunter2abc"),
    Planted("login failed: password: tr0ub4dor", "tr0ub4dor"),
    Planted('{"password": "corr3ct-horse"}', "corr3ct-horse"),
    Planted('config {"db": {"db_password": "batt3ry"}} refused', "batt3ry"),
    Planted("DB_PASSWORD='st4ple' ./run", "st4ple"),
    Planted("api_key=k-9981-zz&x=1", "k-9981-zz"),
    Planted("apiKey: zzTop-9981", "zzTop-9981"),
    Planted("GET /cb?state=1&access_token=at-77-qq&z=2", "at-77-qq"),
    Planted("?client_secret=cs%2F4711", "cs%2F4711"),
    Planted("Authorization: Bearer abc.def-123", "abc.def-123"),
    Planted("authorization=Token t0k3n9", "t0k3n9"),
    Planted("Cookie: sid=s%3Aabc123; theme=dark", "s%3Aabc123"),
    Planted("Set-Cookie: PHPSESSID=q1w2e3r4; path=/", "q1w2e3r4"),
    Planted("x-csrf-token: c5rf-44", "c5rf-44"),
    Planted("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG", "wJalrXUtnFEMI"),
    Planted("sessionId => 'sess-00ff'", "sess-00ff"),
    Planted("pin=4711x", "4711x"),
    Planted("secret: 'q1-q2-q3'", "q1-q2-q3"),
    Planted("private_key=pk-abc-1", "pk-abc-1"),
    Planted("passphrase = open-sesame-1", "open-sesame-1"),
    Planted('\\"token\\": \\"esc-tok-1\\"', "esc-tok-1"),
    Planted("credentials=joan:enigma1", "enigma1"),
    Planted("otp: 991-827", "991-827"),
    Planted("api key: zz-991-x", "zz-991-x"),
    Planted("Card Number = 99-zz-1", "99-zz-1"),
    Planted("the access key: AK-zz-1 is", "AK-zz-1"),
    Planted("security code=z9z", "z9z"),
    Planted("./run --password hunter22 --host x", "hunter22"),
    Planted("<db-password>t0p-s3cr3t</db-password>", "t0p-s3cr3t"),
    Planted("login(password=u'unic0de')", "unic0de"),
    Planted("csrfmiddlewaretoken=Ab9Cd8", "Ab9Cd8"),
    Planted('password="a\\"b-quoted-9"', "b-quoted-9"),
    Planted("https://acct.blob.example/c?sv=2020&sig=Zm9vYmFy%3D", "Zm9vYmFy"),
)
CANARY = "canary-5b1d-value"
# Under these names any text goes.
SECRET_KEYS = (
    *("password", "Password", "user_password", "dbPassword", "PASSWD", "pwd", "passphrase"),
    *("secret", "client_secret", "clientSecret", "token", "access_token", "refreshToken", "jwt"),
    *("apiKey", "api_key", "x-api-key", "API-KEY", "private_key", "privateKey", "signing_key"),
    *("authorization", "Authorization", "Proxy-Authorization", "auth", "cookie", "Set-Cookie"),
    *("cookies", "session", "session_token", "sessionid", "JSESSIONID", "connect.sid", "csrf"),
    *("X-CSRFToken", "xsrf-token", "pin", "user_pin", "otp", "credentials", "aws_creds", "cvv"),
    *("cc_number", "stripe_key", "mfa_code", "oauth", "csrfmiddlewaretoken", "sig", "dbPass"),
    *("AWS_SECRET_ACCESS_KEY", "ssn", "card_number", "security_code", "authtoken", "userpassword"),
)
# Merely contain such a word: their values stay.
HARMLESS_KEYS = (
    *("author", "authority", "tokenizer", "token_count", "max_tokens", "total_tokens", "pinned"),
    *("password_changed_at", "password_length", "secretary", "session_count", "cookie_policy"),
    *("token_type", "auth_method", "monkey", "keyboard", "primary_key", "compass", "shipping"),
    *("has_password", "token_url", "session_timeout", "spinner", "mapping", "passenger", "bypass"),
    *("key", "code", "status_code", "card", "country_code", "residence", "expires", "cache_key"),
)
BENIGN = tuple(
    line
    for line in """
payment gateway timed out after 1532 ms
could not read invoice 991827 in primary store after 88 ms
Cannot read properties of undefined (reading 'value')
'NoneType' object has no attribute 'locale'
Unexpected token < in JSON at position 0
SyntaxError: Unexpected token: punc (})
invalid token: unexpected end of input
token expired at 2026-11-24T10:11:12Z
password must be at least 12 characters long
Password: must not be empty
the password was rejected by the policy
secret santa draw failed
author: Jane Austen
authentication failed for user service-07
basic authentication is required
Bearer authentication scheme not supported
cookie consent banner did not load
session closed for user root
session 7712 not found in cache
pinned version 1.2.3 of lodash
Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari
Python 3.11.7 (main, May 9 2026, 07:35:25) [GCC 12.2.0]
lodash@4.17.21 requires a peer of react@18.2.0
charge@https://shop.example/static/pay.js:8:15
charge@pay.js:3:4
node_modules/.pnpm/@sentry+node@11.12.0/node_modules/x.js
commit a93c7d2f0d1e4b6c8a9f missing
123e4567-e89b-12d3-a456-426614174000 not found
order 4000123412341235 is not a card
epoch 1609459200123 too old
trace 2d237f83a7ce4793a4f22202a5416e1e
0x00007f3a2c1d9e50 in Fee::add() at fee.cpp:12
std::vector<abc::def>::at: index out of range
time 10:11:12 is after 09:00:00
2026-11-24 12:00:00,123 ERROR shop.billing
device 5c:50:15:4c:18:1c lost
GET /items/12?page=2&size=50 returned 503
https://shop.example.com/cart/77?utm_source=mail
listening on 127.0.0.1:8080
bound to 0.0.0.0:9092
File "/srv/shop/pay.py", line 6, in pay
at com.acme.Pay.charge(Pay.java:10)
\\tat java.base/java.lang.Integer.parseInt(Integer.java:668)
example.com/inventory/stock.(*Shelf).At(...)
/srv/inventory/2026.11.2/stock/stock.go:33 +0x1d
/home/app/releases/7/shop/cart.py
SELECT id, name FROM users WHERE id = ?
column "email" does not exist
duplicate key value violates unique constraint "users_pkey"
Key (order_id)=(991) is not present in table "orders"
KeyError: 'user_id'
cache_key=items:7:page:2
keyboard interrupt received
exit code: 137
status_code=503 duration=12ms
max_tokens=4096 exceeds the limit
total tokens: 8812
token_count: 12
country code: DE
ISBN 978-3-16-148410-0
invoice 2026-11-0042 overdue
phone line busy
version 10.4.2 to 10.4.3
2.1.0.4 is a version, but looks like an address
disk /dev/sda1 is 91 % full
queue depth 100000 > 50000
retry 3/5 and/or abort
user is not allowed to access the resource
permission denied: read
connection to replica refused
no rate for zone EU-4711
For input string: "4711,5kg"
template receipt-77 has no translation, sent in English instead
kafka: client has run out of available brokers
upstream sent too big header while reading response header
x509: certificate signed by unknown authority
-----BEGIN CERTIFICATE-----
public key algorithm: RSA
digest mismatch for layer sha256:0f1e2d3c
lookup db.internal: no such host
dial tcp: i/o timeout
EOF while scanning triple-quoted string
Traceback (most recent call last):
RangeError: Maximum call stack size exceeded
java.lang.NullPointerException
panic: runtime error: index out of range [7] with length 0
goroutine 118 [running]:
context deadline exceeded
too many open files
feature flag checkout_v2 is off
mapping failed for field shipping.address
compass heading unknown
passenger list is empty
bypass rule matched
monkey patch applied
the key is missing
unknown key: colour
primary key=7
sorted by key, value
press any key: continue
code: ENOENT
error code=E1234
security scan finished
card layout broken on mobile
expected 3 arguments, got 2
git@github.com:org/repo.git is not reachable
cookie: too large
token=null
<token> expected
--key is missing
""".strip().splitlines()
)

Place = Callable[[str], dict[str, Any]]
# Where a text may stand in an event.
PLACES: dict[str, Place] = {
    "message": lambda t: {"message": t},
    "logentry": lambda t: {"logentry": {"message": "x", "formatted": t}},
    "params": lambda t: {"message": "m", "logentry": {"message": "m %s", "params": [t]}},
    "exception value": lambda t: {"exception": {"values": [{"type": "E", "value": t}]}},
    "exception text": lambda t: {
        "exception": f'Traceback (most recent call last):\n  File "a", line 1, in f\n    {t}\nE: x'
    },
    "stack": lambda t: {"message": "m", "stacktrace": f"E: x\n    at f (/a.js:1:2)\n  {t}"},
    "context line": lambda t: {
        "exception": {
            "values": [
                {
                    "type": "E",
                    "stacktrace": {
                        "frames": [{"function": "f", "filename": "a.py", "context_line": t}]
                    },
                }
            ]
        }
    },
    "vars": lambda t: {
        "exception": {
            "values": [
                {
                    "type": "E",
                    "stacktrace": {
                        "frames": [{"function": "f", "filename": "a.py", "vars": {"x": t}}]
                    },
                }
            ]
        }
    },
    "breadcrumb": lambda t: {"message": "m", "breadcrumbs": {"values": [{"message": t}]}},
    "breadcrumb data": lambda t: {"message": "m", "breadcrumbs": [{"data": {"x": [t]}}]},
    "tag": lambda t: {"message": "m", "tags": {"x": t}},
    "tag pairs": lambda t: {"message": "m", "tags": [["x", t]]},
    "header": lambda t: {"message": "m", "request": {"headers": {"X-Y": t}}},
    "header list": lambda t: {"message": "m", "request": {"headers": [["X-Y", t]]}},
    "query": lambda t: {"message": "m", "request": {"query_string": t}},
    "url": lambda t: {"message": "m", "request": {"url": t}},
    "body": lambda t: {"message": "m", "request": {"data": {"x": {"y": t}}}},
    "extra": lambda t: {"message": "m", "extra": {"x": [{"y": t}]}},
    "json in a string": lambda t: {"message": "m", "extra": {"x": orjson.dumps({"y": t}).decode()}},
    "unknown field": lambda t: {"message": "m", "whatever": t},
    "culprit": lambda t: {"message": "m", "transaction": t},
    "release": lambda t: {"message": "m", "release": t},
    "key": lambda t: {"message": "m", "extra": {t: 1}},
    "fingerprint": lambda t: {"message": "m", "fingerprint": [t]},
    "user": lambda t: {"message": "m", "user": {"id": t, "username": t}},
}
