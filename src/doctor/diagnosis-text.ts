// Writes a diagnosis for people: one line a finding, with what was chosen and why.
// Knows the data only, nothing of how it was found.
import type { KvCacheInfo } from '../generator/native/native-info.js';
import type { Diagnosis, GeneratorFinding, LlamaFacts, ModelFinding, Trouble } from './diagnosis.js';

type Line = readonly [name: string, found: string];

/** The text of a diagnosis; ends with a newline. Lines that begin with `!` are problems. */
export function diagnosisText(diagnosis: Diagnosis): string {
  const { machine, native, kernels, llama, model, generator, problems } = diagnosis;
  const nativeLine = native.loaded
    ? `found at ${native.path}: ${native.reason}`
    : `not used: ${native.reason}`;
  const sections: [title: string, lines: Line[]][] = [
    [
      `pgenrm ${diagnosis.package.version}`,
      [
        ['package', diagnosis.package.root],
        ['node', `${machine.node} on ${machine.platform}-${machine.arch}, 20.15, 22.2 or newer is needed`],
        ['processor', processor(machine)],
        ['memory', `${bytes(machine.memoryFree)} free of ${bytes(machine.memoryTotal)}`],
        ['native addon', nativeLine],
      ],
    ],
    [
      'Kernels',
      'trouble' in kernels
        ? trouble(kernels)
        : [['chosen', because(kernels.implementation, kernels.reasons)]],
    ],
    [
      'llama.cpp',
      [
        ...('trouble' in llama ? trouble(llama) : llamaLines(llama)),
        ...muslLines(machine),
        ...gpuPackageLines(diagnosis.gpuPackages),
      ],
    ],
    ['Model', 'trouble' in model ? trouble(model) : modelLines(model)],
    ['Generator', 'trouble' in generator ? trouble(generator) : generatorLines(generator, llama)],
  ];
  const text = sections.map(([title, lines]) => `${title}\n${lines.map(writeLine).join('')}`).join('\n');
  if (problems.length === 0)
    return `${text}\n${diagnosis.fallback === null ? 'All is well: judgments can be made.' : `pgenrm ${diagnosis.fallback.text}`}\n`;
  const count = problems.length === 1 ? 'One problem' : `${problems.length} problems`;
  return `${text}\n${count}:\n${problems.map((problem) => `! ${problem}\n`).join('')}`;
}

function writeLine([name, found]: Line): string {
  return `  ${name.padEnd(14)}${found}\n`;
}

function trouble({ trouble: { code, message } }: Trouble): Line[] {
  return [['!', `${message} (${code})`]];
}

function because(chosen: string, reasons: readonly string[]): string {
  return reasons.length === 0 ? chosen : `${chosen}: ${reasons.join('; ')}`;
}

function processor({ cpu, cores, usableCores, load }: Diagnosis['machine']): string {
  const usable = usableCores === cores ? '' : `, ${usableCores} usable`;
  return `${cpu}, ${cores} cores${usable}${load > 0 ? `, load ${load.toFixed(1)}` : ''}`;
}

function llamaLines({ release, backend, buildType, reasons, devices }: LlamaFacts): Line[] {
  return [
    [
      'release',
      `${release}, ${buildType === 'prebuilt' ? 'prebuilt' : 'built on this machine'}, for ${backend}`,
    ],
    ...reasons.map((reason, index): Line => [index === 0 ? 'why' : '', reason]),
    ...devices.map((device): Line => {
      const { name, description, gpu, memoryFree, memoryTotal } = device;
      const memory =
        !gpu || memoryFree === null || memoryTotal === null
          ? ''
          : `, ${bytes(memoryFree)} free of ${bytes(memoryTotal)}`;
      const called = description === name ? name : `${name} (${description})`;
      return ['device', `${called}${memory}`];
    }),
  ];
}

function modelLines(model: ModelFinding): Line[] {
  const { template, decoding, embedder } = model;
  return [
    ['model', model.spec === model.path ? model.path : `${model.spec}: ${model.path}`],
    ['size', `${bytes(model.bytes)}, SHA-256 ${model.sha256}`],
    [
      'architecture',
      `${model.architecture}${model.name === '' ? '' : ` "${model.name}"`}, ${count(model.parameters)} parameters, ` +
        `trained for ${model.trainedContext || 'an unknown number of'} tokens`,
    ],
    ...chatTemplateLines(model),
    'trouble' in template
      ? ['!', template.trouble.message]
      : ['template', `${template.name}: ${template.reason}`],
    ['decoding', `${decoding.choice}: ${decoding.reason}`],
    'trouble' in embedder
      ? ['!', `similar users cannot be sought: ${embedder.trouble.message}`]
      : ['embedder', embedder.spec === model.path ? embedder.reason : `${embedder.spec}: ${embedder.reason}`],
    ...(model.unusable === null ? [] : ([['!', model.unusable]] as Line[])),
  ];
}

function chatTemplateLines({ chatTemplate }: ModelFinding): Line[] {
  if ('trouble' in chatTemplate) return [['!', chatTemplate.trouble.message]];
  const { from, systemRole, bos, opensThought } = chatTemplate;
  const source = {
    model: "yes, the model's own",
    given: 'yes, the given one',
    plain: 'none: a plain one is used, system and user text divided by a blank line',
  }[from];
  const role =
    systemRole === 'own' ? '' : '; it has no system role, so the system text goes before the user text';
  return [
    ['chat template', `${source}${role}${bos === null ? '' : `; prompts begin with ${bos}`}`],
    ...(opensThought === null
      ? []
      : ([
          [
            'thoughts',
            `the template opens ${opensThought} at the end of the prompt: what the model thinks is set apart before a chain is read, and counts as lost where it does not end`,
          ],
        ] as Line[])),
  ];
}

function generatorLines({ kind, reasons, loaded }: GeneratorFinding, llama: LlamaFacts | Trouble): Line[] {
  const said = 'trouble' in llama ? [] : llama.reasons;
  const why = reasons.map((reason) =>
    reason.startsWith(`${kind}: `) ? reason.slice(kind.length + 2) : reason,
  );
  const chosen: Line = ['chosen', because(kind, why)];
  if (loaded === null) return [chosen, ['loaded', 'no: its choices show once a model is loaded']];
  const where =
    loaded.devices.length === 0 ? loaded.backend : `${loaded.backend} (${loaded.devices.join(', ')})`;
  return [
    chosen,
    ['loaded', `${loaded.description} on ${where} in ${Math.round(loaded.loadMs)} ms`],
    [
      'sizes',
      `${loaded.contextTokens} tokens of prompt and answer, ${loaded.samplesAtOnce} at once` +
        (loaded.threads === null
          ? ''
          : `, ${loaded.threads} CPU ${loaded.threads === 1 ? 'thread' : 'threads'}`),
    ],
    ...(loaded.kvCache === null ? [] : [['KV cache', kvCacheText(loaded.kvCache)] as Line]),
    ...loaded.choices
      .filter((choice) => !said.includes(choice))
      .map((choice, index): Line => [index === 0 ? 'choices' : '', choice]),
  ];
}

function muslLines({ libc }: Diagnosis['machine']): Line[] {
  if (libc !== 'musl') return [];
  return [
    [
      '!',
      'Linux with musl (Alpine): the prebuilt llama.cpp needs glibc, so only the vector kernels run here',
    ],
  ];
}

function gpuPackageLines({ names, bytes: size, used }: Diagnosis['gpuPackages']): Line[] {
  if (names.length === 0 || used) return [];
  return [
    [
      'GPU packages',
      `${bytes(size)} of no use here: ${names.join(', ')}; docs/install.md says how to leave them out`,
    ],
  ];
}

function kvCacheText({ type, flashAttention, attention, cells }: KvCacheInfo): string {
  const by = attention === 'pgenrm' ? "pgenrm's attention" : `flash attention ${flashAttention}`;
  return `${cells} cells of ${type}; ${by}`;
}

function bytes(value: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  let scaled = value;
  while (scaled >= 1024 && unit < units.length - 1) {
    scaled /= 1024;
    unit++;
  }
  return `${unit === 0 ? scaled : scaled.toFixed(1)} ${units[unit]}`;
}

function count(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)} billion`;
  return value >= 1e6 ? `${(value / 1e6).toFixed(1)} million` : String(value);
}
