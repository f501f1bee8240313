// urql with graphql-ws against a running server; prints "ok" or fails.
// Usage: node client.mjs HOST:PORT KEY

import assert from "node:assert/strict";
import { Client, cacheExchange, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const [address, key] = process.argv.slice(2);
const authorization = `Bearer ${key}`;
const socket = createClient({
  url: `ws://${address}/graphql`,
  webSocketImpl: WebSocket,
  connectionParams: { authorization },
});
// urql gives a request up as soon as it has the answer; Node then complains when the body has not ended yet.
async function wholeFetch(url, options) {
  const { signal, ...rest } = options;
  const response = await fetch(url, rest);
  return new Response(await response.text(), { status: response.status, headers: response.headers });
}
const client = new Client({
  fetch: wholeFetch,
  url: `http://${address}/graphql`,
  preferGetMethod: false,
  fetchOptions: { headers: { authorization } },
  exchanges: [
    cacheExchange,
    fetchExchange,
    subscriptionExchange({
      forwardSubscription: (request) => ({
        subscribe: (sink) => ({ unsubscribe: socket.subscribe(request, sink) }),
      }),
    }),
  ],
});

const CREATE = `mutation ($name: String!) {
  createLead(input: {name: $name}) { __typename ... on Lead { id name } ... on Failure { code } }
}`;
const LEADS = `query ($after: String) {
  leads(first: 2, after: $after, orderBy: [{field: NAME}]) { nodes { id name } pageInfo { hasNextPage endCursor } }
}`;
const CHANGES = "subscription { leadsChanged { resync changes { operation record { id name } } } }";

function inTime(promise, what) {
  const limit = new Promise((_, reject) => setTimeout(() => reject(new Error(`${what} took too long`)), 20_000).unref());
  return Promise.race([promise, limit]);
}

// A subscription, and a change that another request makes.
const told = [];
let heard;
const next = () => inTime(new Promise((resolve) => { heard = resolve; }), "a change");
let waiting = next();
const { unsubscribe } = client.subscription(CHANGES, {}).subscribe((result) => {
  assert.equal(result.error, undefined);
  told.push(result.data.leadsChanged);
  heard();
});
await waiting;
assert.equal(told[0].resync, true);

waiting = next();
const created = await client.mutation(CREATE, { name: "A" }).toPromise();
assert.equal(created.error, undefined);
assert.equal(created.data.createLead.name, "A");
await waiting;
assert.equal(told[1].changes[0].operation, "CREATED");
assert.equal(told[1].changes[0].record.name, "A");
unsubscribe();

// Pages.
for (const name of ["B", "C"]) {
  assert.equal((await client.mutation(CREATE, { name }).toPromise()).data.createLead.name, name);
}
const names = [];
let after = null;
do {
  const page = await client.query(LEADS, { after }, { requestPolicy: "network-only" }).toPromise();
  assert.equal(page.error, undefined);
  names.push(...page.data.leads.nodes.map((node) => node.name));
  after = page.data.leads.pageInfo.hasNextPage ? page.data.leads.pageInfo.endCursor : null;
} while (after !== null);
assert.deepEqual(names, ["A", "B", "C"]);

// Errors: as data, of the query, and of the connection.
const refused = await client.mutation(CREATE, { name: "x".repeat(301) }).toPromise();
assert.equal(refused.data.createLead.code, "INVALID_INPUT");
const wrong = await client.query("{ nothing }", {}).toPromise();
assert.equal(wrong.error.graphQLErrors[0].extensions.code, "INVALID_REQUEST");
const stranger = createClient({
  url: `ws://${address}/graphql`,
  webSocketImpl: WebSocket,
  connectionParams: { authorization: "Bearer evh_nobody_x" },
  retryAttempts: 0,
});
const closed = await inTime(
  new Promise((resolve) => stranger.subscribe({ query: CHANGES }, { next() {}, complete() {}, error: resolve })),
  "the refusal",
);
assert.equal(closed.code, 4403);

await socket.dispose();
console.log("ok");
