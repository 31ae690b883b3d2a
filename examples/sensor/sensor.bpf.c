/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Readings of sensors, by CoAP (RFC 7252), inside the kernel: POST /sensors/NAME adds a number to the
 * sensor's statistics, GET /sensors/NAME returns them as text. A message that comes twice is answered
 * alike and counted once.
 */
#include <xfn/coap.h>

#define SENSORS_MAX         1024
#define NAME_BYTES_MAX      32
#define EXCHANGES_MAX       8192
#define EXCHANGE_NS         247000000000ULL /* EXCHANGE_LIFETIME, RFC 7252 s. 4.8.2 */
#define NUMBER_BYTES_MAX    11              /* -999999.999 */
#define DIGITS_MAX          6               /* before the point */
#define DECIMALS            3               /* behind it: readings are kept in thousandths */
#define READINGS_MAX        9000000000ULL   /* sums fit into 63 bits up to here */
#define TEXT_BYTES          128
#define REPLY_BYTES_MAX     152
#define FORMAT_TEXT         0    /* text/plain;charset=utf-8, RFC 7252 s. 12.3 */
#define CONTENT_FORMAT_TEXT 0xc0 /* the option as the first one, value empty: FORMAT_TEXT */

#define CREATED            XFN_COAP_CODE(2, 1)
#define CHANGED            XFN_COAP_CODE(2, 4)
#define CONTENT            XFN_COAP_CODE(2, 5)
#define BAD_REQUEST        XFN_COAP_CODE(4, 0)
#define BAD_OPTION         XFN_COAP_CODE(4, 2)
#define NOT_FOUND          XFN_COAP_CODE(4, 4)
#define METHOD_NOT_ALLOWED XFN_COAP_CODE(4, 5)
#define NOT_ACCEPTABLE     XFN_COAP_CODE(4, 6)
#define UNSUPPORTED_FORMAT XFN_COAP_CODE(4, 15)
#define UNAVAILABLE        XFN_COAP_CODE(5, 3)
#define NO_PROXY           XFN_COAP_CODE(5, 5)

struct sensor_key {
	__u8 name[NAME_BYTES_MAX]; /* zeros behind */
	__u32 bytes;
};

/* Statistics of one sensor, in thousandths; under the lock. */
struct sensor {
	struct bpf_spin_lock lock;
	__u32 reserved;
	__u64 count;
	__s64 sum;
	__s64 min;
	__s64 max;
	__s64 last;
};

/* The same without a lock's type, which no other map may hold: what a new one starts from. */
struct sensor_start {
	__u64 lock;
	__u64 count;
	__s64 sum;
	__s64 min;
	__s64 max;
	__s64 last;
};
_Static_assert(sizeof(struct sensor_start) == sizeof(struct sensor), "the same layout");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SENSORS_MAX);
	__type(key, struct sensor_key);
	__type(value, struct sensor);
} sensors SEC(".maps");

/* Who sent which message id to whom. */
struct exchange_key {
	__u64 src[2];
	__u64 dst[2];
	__be16 src_port;
	__be16 dst_port;
	__be16 mid;
	__u16 reserved;
};

/* A request that was taken, and its answer. A full table forgets who was quiet for longest. */
struct exchange {
	__u64 seen_ns;
	__u32 bytes; /* 0: not answered yet */
	__u32 reserved;
	__u8 reply[REPLY_BYTES_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, EXCHANGES_MAX);
	__type(key, struct exchange_key);
	__type(value, struct exchange);
} exchanges SEC(".maps");

/* Message ids of answers to non-confirmable requests, which are messages of their own. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} message_ids SEC(".maps");

/* A text, written from its end to its beginning: that is how numbers come. */
struct text {
	__u8 bytes[TEXT_BYTES];
	__u32 at; /* its first byte; TEXT_BYTES: empty */
};

/* What the options and the payload say; loops write here. */
struct request {
	__s64 number;
	__u32 done;  /* the last option was read */
	__s32 error; /* of the option reader */
	__u32 code;  /* of the answer that the options already ask for, or 0 */
	__u32 depth; /* of the path */
	__u32 known; /* it begins with "sensors" */
	__u32 name_at;
	__u32 name_bytes;
	__u32 accept; /* or FORMAT_TEXT */
	__u32 format; /* or FORMAT_TEXT */
	__u32 digits;
	__u32 decimals; /* digits behind the point; has_point says whether there is one */
	__u32 has_point;
	__u32 is_negative;
	__u32 is_bad; /* not a number */
	__u8 payload[16];
};

struct scratch {
	struct xfn_coap coap;
	struct request request;
	struct text text;
	struct sensor_key key;
	struct exchange fresh; /* zeros, but for the time */
	struct sensor_start start;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct loop {
	struct scratch *scratch;
};

/* ---- text ------------------------------------------------------------------------------------- */

static __always_inline void put_character(struct text *text, __u8 character)
{
	text->at--;
	text->bytes[text->at & (TEXT_BYTES - 1)] = character;
}

#define PUT_WORD(text, word)                                                          \
	do {                                                                          \
		int put_i;                                                            \
		_Pragma("unroll") for (put_i = sizeof(word) - 2; put_i >= 0; put_i--) \
			put_character(text, (word)[put_i]);                           \
	} while (0)

static __always_inline void put_digits(struct text *text, __u64 value, __u32 least)
{
	__u32 i;

#pragma unroll
	for (i = 0; i < 10; i++) {
		if (i >= least && !value)
			break;
		put_character(text, '0' + value % 10);
		value /= 10;
	}
}

/* A number of thousandths, with its three decimals. Global, so that the verifier walks it once. */
__noinline int put_number(struct text *text, __s64 value)
{
	__u64 size = value < 0 ? -value : value;

	if (!text)
		return -1;
	put_digits(text, size % 1000, DECIMALS);
	put_character(text, '.');
	put_digits(text, size / 1000, 1);
	if (value < 0)
		put_character(text, '-');
	return 0;
}

__noinline int put_count(struct text *text, __u64 value)
{
	if (!text)
		return -1;
	put_digits(text, value, 1);
	return 0;
}

static __always_inline __u32 text_bytes(const struct text *text)
{
	return TEXT_BYTES - text->at;
}

/* ---- the request ------------------------------------------------------------------------------ */

static __always_inline void take_path(const struct xfn_coap *coap, struct request *request)
{
	if (!request->depth)
		request->known = xfn_coap_option_is(coap, "sensors", 7);
	if (request->depth == 1) {
		request->name_at = coap->option_at;
		request->name_bytes = coap->option_bytes;
	}
	request->depth++;
}

/* An option that has to be understood and is not, or has a form that does not exist (s. 5.4.3). */
static __always_inline void take_option(const struct xfn_coap *coap, struct request *request)
{
	switch (coap->option) {
	case XFN_COAP_URI_PATH:
		take_path(coap, request);
		return;
	case XFN_COAP_CONTENT_FORMAT:
		request->format = xfn_coap_option_uint(coap);
		return;
	case XFN_COAP_ACCEPT:
		request->accept = xfn_coap_option_uint(coap);
		return;
	case XFN_COAP_PROXY_URI:
	case XFN_COAP_PROXY_SCHEME:
		if (!request->code)
			request->code = NO_PROXY;
		return;
	case XFN_COAP_URI_HOST: /* whatever it is called, it is this one */
	case XFN_COAP_URI_PORT:
		return;
	}
	if (coap->option & 1 && !request->code)
		request->code = BAD_OPTION;
}

static long option_step(__u32 index, struct loop *loop)
{
	struct scratch *scratch = loop->scratch;
	int more = xfn_coap_option_next(&scratch->coap);

	if (more == 1) {
		take_option(&scratch->coap, &scratch->request);
		return 0;
	}
	scratch->request.error = more;
	scratch->request.done = 1;
	return 1;
}

/* Returns 0, or what xfn_coap_option_next() says is wrong. */
static __always_inline int read_options(struct scratch *scratch)
{
	struct loop loop = {.scratch = scratch};

	__builtin_memset(&scratch->request, 0, sizeof(scratch->request));
	bpf_loop(XFN_COAP_OPTIONS_MAX, option_step, &loop, 0);
	return scratch->request.done ? scratch->request.error : -EMSGSIZE;
}

/* One character of [+-]digits[.digits]. */
static long number_step(__u32 index, struct loop *loop)
{
	struct request *request = &loop->scratch->request;
	__u8 character = request->payload[index & 15];

	if (!index && (character == '-' || character == '+')) {
		request->is_negative = character == '-';
	} else if (character == '.' && request->digits && !request->has_point) {
		request->has_point = 1;
	} else if (character >= '0' && character <= '9') {
		request->number = request->number * 10 + (character - '0');
		if (request->has_point)
			request->decimals++;
		else
			request->digits++;
	} else {
		request->is_bad = 1;
		return 1;
	}
	return 0;
}

/* The payload as a number of thousandths. Returns 0 or -EINVAL. */
static __always_inline int read_number(const struct xfn_event *event, struct scratch *scratch)
{
	struct request *request = &scratch->request;
	struct loop loop = {.scratch = scratch};
	__u32 bytes = scratch->coap.payload_bytes - 1;
	__u32 i;

	if (bytes > NUMBER_BYTES_MAX - 1)
		return -EINVAL;
	barrier_var(bytes);
	bytes = (bytes & 15) + 1;
	if (xfn_read(event, scratch->coap.payload_at, request->payload, bytes))
		return -EINVAL;
	bpf_loop(bytes, number_step, &loop, 0);
	if (request->is_bad || !request->digits || request->digits > DIGITS_MAX ||
	    request->decimals > DECIMALS || (request->has_point && !request->decimals))
		return -EINVAL;
#pragma unroll
	for (i = 0; i < DECIMALS; i++)
		if (request->decimals <= i)
			request->number *= 10;
	if (request->is_negative)
		request->number = -request->number;
	return 0;
}

/* ---- statistics ------------------------------------------------------------------------------- */

static __always_inline __u32 add_reading(struct scratch *scratch)
{
	struct sensor *sensor = bpf_map_lookup_elem(&sensors, &scratch->key);
	struct sensor_start *start = &scratch->start;
	__s64 number = scratch->request.number;
	__u32 code = CHANGED;

	if (!sensor) {
		start->count = 1;
		start->sum = start->min = start->max = start->last = number;
		if (!bpf_map_update_elem(&sensors, &scratch->key, start, BPF_NOEXIST))
			return CREATED;
		/* Another CPU was first, or there is no room. */
		sensor = bpf_map_lookup_elem(&sensors, &scratch->key);
		if (!sensor)
			return UNAVAILABLE;
	}
	bpf_spin_lock(&sensor->lock);
	if (sensor->count < READINGS_MAX) {
		sensor->count++;
		sensor->sum += number;
		sensor->last = number;
		if (number < sensor->min)
			sensor->min = number;
		if (number > sensor->max)
			sensor->max = number;
	} else {
		code = UNAVAILABLE;
	}
	bpf_spin_unlock(&sensor->lock);
	return code;
}

/* BPF before version 4 divides unsigned numbers alone. */
static __always_inline __s64 mean_of(__s64 sum, __u64 count)
{
	if (!count)
		return 0;
	return sum < 0 ? -(__s64)((__u64)-sum / count) : (__s64)((__u64)sum / count);
}

static __always_inline __u32 print_statistics(struct scratch *scratch)
{
	struct sensor *sensor = bpf_map_lookup_elem(&sensors, &scratch->key);
	struct text *text = &scratch->text;
	__s64 sum, min, max, last;
	__u64 count;

	if (!sensor)
		return NOT_FOUND;
	bpf_spin_lock(&sensor->lock);
	count = sensor->count;
	sum = sensor->sum;
	min = sensor->min;
	max = sensor->max;
	last = sensor->last;
	bpf_spin_unlock(&sensor->lock);
	put_number(text, last);
	PUT_WORD(text, " last=");
	put_number(text, max);
	PUT_WORD(text, " max=");
	put_number(text, mean_of(sum, count));
	PUT_WORD(text, " mean=");
	put_number(text, min);
	PUT_WORD(text, " min=");
	put_count(text, count);
	PUT_WORD(text, "count=");
	return CONTENT;
}

/* The sensor's name, from the second part of the path. Returns 0, or -ENOENT: no such path. */
static __always_inline int read_key(const struct xfn_event *event, struct scratch *scratch)
{
	__u32 bytes = scratch->request.name_bytes - 1;

	if (!scratch->request.known || scratch->request.depth != 2 || bytes > NAME_BYTES_MAX - 1)
		return -ENOENT;
	barrier_var(bytes);
	bytes = (bytes & (NAME_BYTES_MAX - 1)) + 1;
	__builtin_memset(&scratch->key, 0, sizeof(scratch->key));
	scratch->key.bytes = bytes;
	return xfn_read(event, scratch->request.name_at, scratch->key.name, bytes);
}

static __always_inline __u32 post(const struct xfn_event *event, struct scratch *scratch)
{
	if (scratch->request.format != FORMAT_TEXT)
		return UNSUPPORTED_FORMAT;
	if (!read_number(event, scratch))
		return add_reading(scratch);
	PUT_WORD(&scratch->text, "not a number");
	return BAD_REQUEST;
}

/* Does what was asked for; returns the answer's code, its text is in the scratch. */
static __always_inline __u32 serve(const struct xfn_event *event, struct scratch *scratch)
{
	if (scratch->request.code == BAD_OPTION)
		PUT_WORD(&scratch->text, "unknown option");
	if (scratch->request.code)
		return scratch->request.code;
	if (read_key(event, scratch))
		return NOT_FOUND;
	if (scratch->coap.code == XFN_COAP_POST)
		return post(event, scratch);
	if (scratch->coap.code != XFN_COAP_GET)
		return METHOD_NOT_ALLOWED;
	return scratch->request.accept == FORMAT_TEXT ? print_statistics(scratch) : NOT_ACCEPTABLE;
}

/* ---- the answer ------------------------------------------------------------------------------- */

static __always_inline __be16 fresh_mid(void)
{
	__u32 zero = 0;
	__u64 *next = bpf_map_lookup_elem(&message_ids, &zero);

	return next ? (__be16)__sync_fetch_and_add(next, 1) : 0;
}

/* Text, and what stands before it. The token stays where it is: behind the header. */
static __always_inline int write_text(struct xfn_event *event, const struct text *text, __u32 at,
				      __u32 code)
{
	__u8 before[2] = {CONTENT_FORMAT_TEXT, XFN_COAP_PAYLOAD_MARKER};
	__u32 bytes = text_bytes(text) - 1;

	if (bytes > TEXT_BYTES - 1)
		return 0;
	barrier_var(bytes);
	bytes = (bytes & (TEXT_BYTES - 1)) + 1;
	if (code == CONTENT) {
		if (xfn_write(event, at, before, 2))
			return -ERANGE;
		at += 2;
	} else {
		if (xfn_write(event, at, before + 1, 1))
			return -ERANGE;
		at += 1;
	}
	return xfn_write(event, at, text->bytes + (TEXT_BYTES - bytes), bytes);
}

static __always_inline int write_reply(struct xfn_event *event, const struct scratch *scratch,
				       __u32 code)
{
	const struct xfn_coap *coap = &scratch->coap;
	__u32 at = sizeof(struct xfn_coap_header) + coap->token_bytes;
	__u32 text = text_bytes(&scratch->text);
	struct xfn_coap_header header = {.code = code, .mid = coap->mid};

	header.form = XFN_COAP_FORM(XFN_COAP_ACK, coap->token_bytes);
	if (coap->type == XFN_COAP_NON) {
		header.form = XFN_COAP_FORM(XFN_COAP_NON, coap->token_bytes);
		header.mid = fresh_mid();
	}
	if (xfn_resize(event, at + (text ? text + 1 : 0) + (code == CONTENT)))
		return -ENOSPC;
	if (xfn_write(event, 0, &header, sizeof(header)))
		return -ERANGE;
	return write_text(event, &scratch->text, at, code);
}

/* A confirmable message that makes no sense is answered by a reset, others are ignored (s. 4.2, 4.3). */
static __always_inline int reject(struct xfn_event *event, const struct xfn_coap *coap)
{
	struct xfn_coap_header header = {
		.form = XFN_COAP_FORM(XFN_COAP_RST, 0),
		.code = XFN_COAP_EMPTY,
		.mid = coap->mid,
	};

	if (coap->type != XFN_COAP_CON)
		return XFN_DROP;
	if (xfn_resize(event, sizeof(header)) || xfn_write(event, 0, &header, sizeof(header)))
		return XFN_ABORT;
	return XFN_REPLY;
}

/* ---- messages that come twice ------------------------------------------------------------------- */

static __always_inline void make_key(const struct xfn_event *event, const struct xfn_coap *coap,
				     struct exchange_key *key)
{
	key->src[0] = event->src[0];
	key->src[1] = event->src[1];
	key->dst[0] = event->dst[0];
	key->dst[1] = event->dst[1];
	key->src_port = event->src_port;
	key->dst_port = event->dst_port;
	key->mid = coap->mid;
}

/* The answer from before. None yet: another CPU is at it, and the client will ask again. */
static __always_inline int answer_again(struct xfn_event *event, const struct exchange *exchange)
{
	__u32 bytes = *(volatile __u32 *)&exchange->bytes - 1;

	if (bytes > REPLY_BYTES_MAX - 1)
		return XFN_DROP;
	barrier_var(bytes);
	bytes = (bytes & 0xff) + 1;
	if (bytes > REPLY_BYTES_MAX)
		return XFN_DROP;
	if (xfn_resize(event, bytes) || xfn_write(event, 0, exchange->reply, bytes))
		return XFN_ABORT;
	return XFN_REPLY;
}

/*
 * Notes that this message was taken. Returns NULL, or the exchange that it belongs to already. An
 * outdated one is taken over; should two CPUs do so at once, the message counts twice: it would have to
 * come twice, by two rx queues, within a microsecond, after four minutes.
 */
static __always_inline struct exchange *begin_exchange(const struct exchange_key *key,
						       struct scratch *scratch)
{
	__u64 now = bpf_ktime_get_coarse_ns();
	struct exchange *exchange = bpf_map_lookup_elem(&exchanges, key);

	if (exchange && now - exchange->seen_ns < EXCHANGE_NS)
		return exchange;
	scratch->fresh.seen_ns = now;
	if (!bpf_map_update_elem(&exchanges, key, &scratch->fresh,
				 exchange ? BPF_ANY : BPF_NOEXIST))
		return NULL;
	return bpf_map_lookup_elem(&exchanges, key);
}

/* Keeps the answer; it is complete before its length says so. */
static __always_inline void end_exchange(const struct xfn_event *event,
					 const struct exchange_key *key)
{
	struct exchange *exchange = bpf_map_lookup_elem(&exchanges, key);
	__u32 bytes = event->payload_bytes - 1;

	if (!exchange || bytes > REPLY_BYTES_MAX - 1)
		return;
	barrier_var(bytes);
	bytes = (bytes & 0xff) + 1;
	if (bytes > REPLY_BYTES_MAX)
		return;
	if (!xfn_read(event, 0, exchange->reply, bytes))
		__atomic_exchange_n(&exchange->bytes, bytes, __ATOMIC_SEQ_CST);
}

XFN_HANDLER(sensor, XFN_MESSAGE_COAP)
{
	struct exchange_key key = {};
	struct exchange *exchange;
	struct scratch *scratch;
	struct xfn_coap *coap;
	__u32 zero = 0, code;
	int err;

	scratch = bpf_map_lookup_elem(&scratches, &zero);
	if (event->l4_proto != IPPROTO_UDP || !scratch)
		return XFN_PASS;
	coap = &scratch->coap;
	err = xfn_coap_read(event, coap);
	if (err == -ENOMSG || coap->type == XFN_COAP_ACK || coap->type == XFN_COAP_RST)
		return XFN_DROP;
	/* An empty confirmable message is a ping (s. 4.3): the reset is its pong. */
	if (err || coap->code == XFN_COAP_EMPTY)
		return reject(event, coap);
	err = read_options(scratch);
	if (err == -EPROTO)
		return reject(event, coap);
	/* What can't be read through: no need to be polite to non-confirmable ones (s. 5.4.1). */
	if (err == -EMSGSIZE)
		scratch->request.code = BAD_OPTION;
	if (scratch->request.code == BAD_OPTION && coap->type == XFN_COAP_NON)
		return XFN_DROP;

	make_key(event, coap, &key);
	exchange = begin_exchange(&key, scratch);
	if (exchange)
		return answer_again(event, exchange);
	scratch->text.at = TEXT_BYTES;
	code = serve(event, scratch);
	if (write_reply(event, scratch, code))
		return XFN_ABORT;
	end_exchange(event, &key);
	return XFN_REPLY;
}
