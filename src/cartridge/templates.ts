/**
 * Renders a cartridge's templates: `env/*.erb` before its setup, the `processed_templates` after it. The output has the
 * name without `.erb`, belongs to the gear, and takes the template's place. Invariant: a template that fails leaves
 * itself where it is and a debug line for the client; it never stops a configure, as cartridges expect.
 */
import { errnoOf } from '../native/error.js';
import { Directory } from '../native/beneath.js';
import { gearEnvironment } from '../gear/environment.js';
import type { Gear } from '../gear/gear.js';
import { fileLabel, labelOption } from '../gear/label.js';
import type { Node } from '../node/node.js';
import type { Cartridge } from './installed.js';
import { expand } from './managed-files.js';
import { renderTemplate, TemplateError } from './template.js';

const LIMIT = 1_048_576;

/** `env/*.erb`, dot files among them. */
export function environmentTemplates(gear: Gear, directory: string): readonly string[] {
  using home = Directory.open(gear.home);
  return expand(home, `${directory}/env/*.erb`);
}

function existing(home: Directory, gear: Gear): (path: string) => 'file' | 'directory' | undefined {
  return (path) => {
    const prefix = `${gear.home}/`;
    const relative = path.startsWith(prefix)
      ? path.slice(prefix.length).replace(/\/+/g, '/').replace(/\/$/, '')
      : '';
    if (relative === '' || relative.split('/').includes('..')) return undefined;
    try {
      const { type } = home.stat(relative);
      return type === 'file' || type === 'directory' ? type : undefined;
    } catch {
      return undefined;
    }
  };
}

/** The template as it is in the repository, by which the copy in the gear is believed or not. */
function pristine(
  repository: Directory,
  source: string,
  cartridge: Cartridge,
  path: string,
): string | undefined {
  const prefix = `${cartridge.directory}/`;
  return path.startsWith(prefix)
    ? repository.tryReadText(`${source}/${path.slice(prefix.length)}`, LIMIT)
    : undefined;
}

function renderOne(
  node: Node,
  gear: Gear,
  cartridge: Cartridge,
  home: Directory,
  repository: Directory,
  source: string,
  path: string,
): string {
  const declared = `CLIENT_ERROR: File declared in processed_templates does not exist and will not be rendered: ${gear.home}/${path}\n`;
  let template: string | undefined;
  try {
    template = home.tryReadText(path, LIMIT);
  } catch (error) {
    return `CLIENT_DEBUG: ${path} is not a plain file (${errnoOf(error) ?? 'unknown'}) and was not rendered.\n`;
  }
  if (template === undefined) return declared;
  try {
    const text = renderTemplate(template, {
      env: gearEnvironment(node, gear, { cartridge: cartridge.directory }),
      exists: existing(home, gear),
      trusted: template === pristine(repository, source, cartridge, path),
    });
    home.write(path.replace(/\.erb$/, ''), text, {
      mode: home.stat(path).mode & 0o777,
      owner: { uid: gear.uid, gid: gear.gid },
      durable: false,
      ...labelOption(fileLabel(node, gear.uid)),
    });
    home.unlink(path);
    return '';
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error; // a full disk is no fault of the template
    const why = error.message;
    node.log.warn('template failed', { gear: gear.uuid, template: path, error: why });
    return `CLIENT_DEBUG: The template ${path} could not be rendered: ${why}\n`;
  }
}

/** Renders the templates (paths or patterns below the home); the text is for the reply. */
export function renderTemplates(
  node: Node,
  gear: Gear,
  cartridge: Cartridge,
  source: string,
  entries: readonly string[],
): string {
  using home = Directory.open(gear.home);
  using repository = Directory.open(node.paths.cartridgeRepository);
  return entries
    .flatMap((entry) => expand(home, entry))
    .filter((path) => path.endsWith('.erb'))
    .map((path) => renderOne(node, gear, cartridge, home, repository, source, path))
    .join('');
}
