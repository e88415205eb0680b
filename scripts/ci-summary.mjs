// Prints the closing line of CI from vitest's JSON report and the jobs beside it (NAME=passed|failed); fails where one failed.
import { readFileSync } from 'node:fs';

const [file, status, ...jobs] = process.argv.slice(2);
let report;
try {
  report = JSON.parse(readFileSync(file, 'utf8'));
} catch (error) {
  console.log(`no test report: ${error.message}`);
  console.log('0 passed, 1 failed');
  process.exit(1);
}
const skipped = report.numPendingTests + report.numTodoTests;
const suitesFailed = report.testResults.filter(
  (suite) => suite.status === 'failed' && suite.assertionResults.length === 0,
);
for (const suite of suitesFailed) console.log(`suite failed: ${suite.name}: ${suite.message}`);
let failed = report.numFailedTests + suitesFailed.length;
if (failed === 0 && Number(status) !== 0) failed = 1;
if (report.numPassedTests === 0) failed = Math.max(failed, 1);
const jobsPassed = jobs.filter((job) => job.endsWith('=passed')).length;
for (const job of jobs) console.log(`job ${job.replace('=', ' ')}`);
failed += jobs.length - jobsPassed;
console.log(
  `${report.numPassedTests + jobsPassed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
);
process.exit(failed === 0 ? 0 : 1);
