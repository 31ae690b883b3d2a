// SPDX-License-Identifier: BSD-2-Clause
// hotshots.js ADDRESS PORT: sends what examples.bats expects, with the npm client hot-shots, in datagrams of
// several lines each. NODE_PATH names where it is.
const StatsD = require('hot-shots');

const [host, port] = process.argv.slice(2);
const client = new StatsD({
	host,
	port: Number(port),
	prefix: 'shop.',
	globalTags: {env: 'test'},
	maxBufferSize: 1000,
	errorHandler: (error) => {
		console.error(error);
		process.exitCode = 1;
	},
});

for (let i = 0; i < 100; i++) {
	client.increment('orders');
	client.timing('latency', i); // ms
	client.unique('users', `user${i % 10}`);
}
client.increment('orders', 5, {kind: 'gift'});
client.decrement('orders'); // refused: a counter of Prometheus only grows
client.gauge('stock', 40);
client.gaugeDelta('stock', -7);
client.gaugeDelta('stock', 2);
client.histogram('basket', 12.5, ['size:"large"']);
client.distribution('weight', 3);
client.event('opened', 'at last'); // no metric
client.close((error) => {
	if (error)
		throw error;
	console.log('sent');
});
