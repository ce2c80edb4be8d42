// Schemas, drawn as the JSON that fits them, and samples of what fits.

import { element } from "./elements.js";

const REFERENCE = "#/components/schemas/";

function resolved(schema, components) {
  return schema.$ref ? components[schema.$ref.slice(REFERENCE.length)] : schema;
}

// A schema as JSON with a note behind each field; what is inside what is followed three levels deep.
export function schemaView(schema, components) {
  const box = element("pre", "", "schema");
  box.tabIndex = 0;
  draw(box, schema, components, 0, []);
  return box;
}

function draw(box, schema, components, depth, above) {
  const name = schema.$ref?.slice(REFERENCE.length);
  const real = resolved(schema, components);
  if (real.type === "array") {
    box.append("[");
    draw(box, real.items ?? {}, components, depth, above);
    box.append("]");
    return;
  }
  if (real.properties && !above.includes(name) && above.length < 3) {
    drawFields(box, real, components, depth, [...above, name]);
    return;
  }
  box.append(element("span", words(schema, components), "note"));
}

function drawFields(box, schema, components, depth, above) {
  const entries = Object.entries(schema.properties);
  if (!entries.length) {
    box.append("{}");
    return;
  }
  const indent = "  ".repeat(depth + 1);
  box.append("{\n");
  for (const [key, value] of entries) {
    box.append(indent, element("span", key, "key"));
    box.append((schema.required ?? []).includes(key) ? "" : element("span", "?", "must"), ": ");
    draw(box, only(value), components, depth + 1, above);
    const note = [value.description, value.default === undefined || value.default === null ? "" : `default ${JSON.stringify(value.default)}`];
    const text = note.filter(Boolean).join("; ");
    if (text && !value.$ref) box.append(element("span", `  ${text}`, "note"));
    box.append("\n");
  }
  box.append("  ".repeat(depth), "}");
}

// Of "this or null", this: the note says the rest.
function only(schema) {
  const others = (schema.anyOf ?? []).filter((kind) => kind.type !== "null");
  return others.length === 1 && (others[0].$ref || others[0].type === "array") ? others[0] : schema;
}

function words(schema, components) {
  if (schema.$ref) return schema.$ref.slice(REFERENCE.length);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (schema.anyOf) return schema.anyOf.map((kind) => words(kind, components)).join(" | ");
  if (Array.isArray(schema.type)) return schema.type.join(" | ");
  if (schema.type === "object") {
    const inside = schema.additionalProperties;
    return inside && Object.keys(inside).length ? `{name: ${words(inside, components)}}` : "object";
  }
  if (schema.type === "array") return `[${words(schema.items ?? {}, components)}]`;
  const bounds = [
    schema.format,
    schema.minimum !== undefined ? `≥ ${schema.minimum}` : "",
    schema.maximum !== undefined && schema.maximum < 1e9 ? `≤ ${schema.maximum}` : "",
    schema.minLength > 1 ? `at least ${schema.minLength} long` : "",
    schema.maxLength !== undefined ? `up to ${schema.maxLength} long` : "",
  ].filter(Boolean);
  return [schema.type ?? "anything", ...bounds].join(", ");
}

// Something that has the form of what fits: the fields that must be there.
export function sample(schema, components) {
  const real = resolved(schema, components);
  if (real.default !== undefined) return real.default;
  if (real.enum) return real.enum[0];
  if (real.anyOf) return sample(real.anyOf[0], components);
  if (real.properties) {
    const must = (real.required ?? []).length ? real.required : Object.keys(real.properties).slice(0, 1);
    return Object.fromEntries(must.map((key) => [key, sample(real.properties[key], components)]));
  }
  return { string: "", integer: 0, number: 0, boolean: true, array: [], object: {} }[real.type] ?? null;
}
