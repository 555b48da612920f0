// Checks objects against the schemas of their kinds, in which a field that they do not know counts as a fault, too: a JSON array
// on standard input; a line for each fault.
const path = require("path");
const schemas = path.join(path.dirname(require.resolve("kubernetes-models/package.json")), "_schemas");
const families = {v1: "CoreV1", "apps/v1": "AppsV1", "networking.k8s.io/v1": "NetworkingV1"};

// Behaves as `data`, and puts into `read` each field that somebody looks at: a schema looks at those that it knows.
function watched(data, read, place) {
  if (typeof data !== "object" || data === null) return data;
  return new Proxy(data, {
    get(target, key) {
      read.add(`${place}/${String(key)}`);
      return Array.isArray(target) && typeof target[key] === "function" ? target[key] : watched(target[key], read, `${place}/${String(key)}`);
    },
  });
}

function* fields(data, place) {
  if (typeof data !== "object" || data === null) return;
  for (const [key, value] of Object.entries(data)) {
    yield `${place}/${key}`;
    yield* fields(value, `${place}/${key}`);
  }
}

let faults = 0;
for (const each of JSON.parse(require("fs").readFileSync(0, "utf8"))) {
  const {validate} = require(path.join(schemas, `IoK8sApi${families[each.apiVersion]}${each.kind}.js`));
  const read = new Set();
  const told = validate(watched(each, read, "")) ? [] : validate.errors.map((fault) => `${fault.instancePath}: ${fault.keyword} ${JSON.stringify(fault.params)}`);
  const unknown = told.length > 0 ? [] : [...fields(each, "")].filter((field) => !read.has(field)).map((field) => `${field} is no field`);
  for (const fault of [...told, ...unknown]) {
    faults += 1;
    console.log(`${each.kind} ${each.metadata.name}: ${fault}`);
  }
}
process.exitCode = faults === 0 ? 0 : 1;
