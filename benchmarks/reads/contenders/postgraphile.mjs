// PostGraphile with its recommended preset over the benchmark's database.
// Usage: node postgraphile.mjs PORT POOL_SIZE plain|rls   (the database as for psql: PGHOST, PGDATABASE, …)
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(process.cwd() + "/"));
const { postgraphile } = require("postgraphile");
const { PostGraphileAmberPreset } = require("postgraphile/presets/amber");
const { makePgService } = require("postgraphile/adaptors/pg");
const { grafserv } = require("postgraphile/grafserv/node");

const [port, pool, mode] = process.argv.slice(2);

const preset = {
  extends: [PostGraphileAmberPreset],
  // Lists are filtered by columns without an index of their own too, as everybody else's are here.
  disablePlugins: ["PgIndexBehaviorsPlugin"],
  schema: { defaultBehavior: "list" },
  pgServices: [
    makePgService({
      connectionString: "",
      schemas: ["public"],
      pubsub: false,
      poolConfig: { max: Number(pool) },
    }),
  ],
  grafserv: { port: Number(port), graphiql: false, watch: false, maxRequestLength: 100_000 },
  grafast: {
    explain: false,
    // With row level security every request needs the role and the tenant; without, nothing.
    context:
      mode === "rls"
        ? (details) => ({
            pgSettings: { role: "evenhand_app", "app.tenant": details.node.req.headers["x-tenant"] },
          })
        : () => ({}),
  },
};

const pgl = postgraphile(preset);
const serv = pgl.createServ(grafserv);
const server = createServer();
server.on("error", (error) => {
  console.error(error);
  process.exit(1);
});
await serv.addTo(server);
server.listen(Number(port), "127.0.0.1", () => console.log("ready"));
