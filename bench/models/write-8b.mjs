// Writes random weights in the 8B shape where they are not there yet, and prints the path of the file.
import { benchModel } from '../generation/models.mjs';

console.log = console.error;
const { path } = await benchModel('8b');
process.stdout.write(`${path}\n`);
