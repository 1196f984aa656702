// Which pushes are deployed.
import t from 'tap';
import { deploymentBranch, pushedRef } from '../../src/deploy/pushed-refs.js';

const a = 'a'.repeat(40);
const b = 'b'.repeat(40);
const zero = '0'.repeat(40);

t.test('the deployed branch is found among others, by its whole name', (t) => {
  const input = `${zero} ${a} refs/tags/master\n${a} ${b} refs/heads/feature/master\n${zero} ${b} refs/heads/master\n`;
  t.same(pushedRef(input, 'master'), { branch: 'master', commit: b });
  t.same(pushedRef(`${a} ${b} refs/heads/feature/master\n`, 'feature/master'), {
    branch: 'feature/master',
    commit: b,
  });
  t.equal(pushedRef(`${a} ${b} refs/heads/feature/master\n`, 'master'), undefined);
  t.equal(pushedRef('', 'master'), undefined);
  t.equal(pushedRef(`${a} $(id) refs/heads/master\n`, 'master'), undefined);
  t.end();
});

t.test('deleting the deployed branch is refused, deleting another is nothing to us', (t) => {
  t.throws(() => pushedRef(`${a} ${zero} refs/heads/master\n`, 'master'), { code: 'ERR_BRANCH_DELETED' });
  t.equal(pushedRef(`${a} ${zero} refs/heads/old\n`, 'master'), undefined);
  t.end();
});

t.test('the branch is master unless the environment names one', (t) => {
  t.equal(deploymentBranch({}), 'master');
  t.equal(deploymentBranch({ OPENSHIFT_DEPLOYMENT_BRANCH: '' }), 'master');
  t.equal(deploymentBranch({ OPENSHIFT_DEPLOYMENT_BRANCH: 'live' }), 'live');
  t.end();
});
