// Compares pairs of templates with CDK's own differ: JSON on stdin, JSON on stdout.
// Exit code 4: the differ is not installed.
'use strict';

const fs = require('fs');

const PACKAGE = '@aws-cdk/cloudformation-diff';

function load() {
  try {
    // From the project that is reviewed first, then from beside this program.
    return require(require.resolve(PACKAGE, { paths: [process.cwd(), __dirname] }));
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    process.exit(4);
  }
}

const { fullDiff } = load();

// Follows a logical id wherever a resource refers to what is replaced: CloudFormation updates what
// refers to it, although the text stays the same. The differ itself tells that only of direct
// references that lead to another replacement.
const MARK = '\u0001';

function mark(value, replaced) {
  if (Array.isArray(value)) return value.map((item) => mark(item, replaced));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, markEntry(key, inner, replaced)]),
  );
}

function markEntry(key, inner, replaced) {
  if (key === 'Ref') return replaced.has(inner) ? inner + MARK : inner;
  if (key === 'Fn::GetAtt') {
    const [name, ...attribute] = typeof inner === 'string' ? inner.split('.') : inner;
    return [replaced.has(name) ? name + MARK : name, ...attribute];
  }
  if (key === 'Fn::Sub') {
    const [text, values] = typeof inner === 'string' ? [inner] : inner;
    const marked = text.replace(/\$\{\s*([A-Za-z0-9]+)/g, (found, name) =>
      replaced.has(name) ? found + MARK : found,
    );
    return values === undefined ? marked : [marked, mark(values, replaced)];
  }
  return mark(inner, replaced);
}

function withMarks(template, replaced) {
  const resources = Object.entries(template.Resources ?? {}).map(([id, resource]) => [
    id,
    resource?.Properties === undefined
      ? resource
      : { ...resource, Properties: mark(resource.Properties, replaced) },
  ]);
  return { ...template, Resources: Object.fromEntries(resources) };
}

function replacements(diff) {
  const changes = Object.entries(diff.resources.changes);
  return changes.filter(([, change]) => change.changeImpact === 'WILL_REPLACE').map(([id]) => id);
}

function settled(base, head) {
  const replaced = new Set();
  for (;;) {
    const diff = fullDiff(base, withMarks(head, replaced));
    const more = replacements(diff).filter((id) => !replaced.has(id));
    if (more.length === 0) return diff;
    more.forEach((id) => replaced.add(id));
  }
}

function difference(name, change) {
  const text = JSON.stringify(change.newValue ?? null);
  const followed = /([A-Za-z0-9]+)\\u0001/.exec(text);
  const clean = text.replaceAll('\\u0001', '');
  const same = clean === JSON.stringify(change.oldValue ?? null);
  return {
    name,
    old: change.oldValue ?? null,
    new: JSON.parse(clean),
    impact: change.changeImpact ?? null,
    follows: same && followed ? followed[1] : null,
  };
}

function differences(changes) {
  return Object.entries(changes).map(([name, change]) => difference(name, change));
}

function resource(logicalId, change) {
  return {
    logical_id: logicalId,
    old_type: change.oldResourceType ?? null,
    new_type: change.newResourceType ?? null,
    impact: change.changeImpact,
    properties: differences(change.propertyUpdates),
    attributes: differences(change.otherChanges),
  };
}

function statements(sign, found) {
  return found.map((statement) => {
    const row = statement.render();
    return {
      sign,
      resource: row.resource,
      effect: row.effect,
      action: row.action,
      principal: row.principal,
      condition: row.condition,
    };
  });
}

function policies(sign, found) {
  return found.map((policy) => ({
    sign,
    resource: policy.identityArn,
    effect: '',
    action: policy.managedPolicyArn,
    principal: '',
    condition: '',
  }));
}

function traffic(sign, direction, found) {
  return found.map((rule) => ({
    sign,
    direction,
    group: rule.groupId,
    protocol: rule.describeProtocol(),
    peer: rule.describePeer(),
  }));
}

function compare({ base, head }) {
  const diff = fullDiff(base, head);
  const { iamChanges: iam, securityGroupChanges: groups } = diff;
  const changes = Object.entries(settled(base, head).resources.changes);
  return {
    resources: changes.map(([id, change]) => resource(id, change)),
    iam: [
      ...statements('+', iam.statements.additions),
      ...statements('-', iam.statements.removals),
      ...policies('+', iam.managedPolicies.additions),
      ...policies('-', iam.managedPolicies.removals),
    ],
    broadened: iam.permissionsBroadened,
    security_groups: [
      ...traffic('+', 'in', groups.ingress.additions),
      ...traffic('-', 'in', groups.ingress.removals),
      ...traffic('+', 'out', groups.egress.additions),
      ...traffic('-', 'out', groups.egress.removals),
    ],
    parameters: differences(diff.parameters.changes),
    outputs: differences(diff.outputs.changes),
  };
}

process.stdout.write(JSON.stringify(JSON.parse(fs.readFileSync(0, 'utf8')).map(compare)));
