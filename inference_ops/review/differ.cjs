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

function differences(changes) {
  return Object.entries(changes).map(([name, change]) => ({
    name,
    old: change.oldValue ?? null,
    new: change.newValue ?? null,
    impact: change.changeImpact ?? null,
  }));
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
  return {
    resources: Object.entries(diff.resources.changes).map(([id, change]) => resource(id, change)),
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
