import { didYouMean } from '../shared/closest.ts';
import { doctor, DOCTOR_USAGE } from './doctor/command.ts';
import { init, INIT_USAGE } from './init/command.ts';
import { Problem, UsageError, type Output } from './usage.ts';

type Command = (args: readonly string[], output: Output) => Promise<number>;

/** Every command, with its usage. */
const COMMANDS: Readonly<Record<string, { readonly run: Command; readonly usage: string }>> = {
  doctor: { run: doctor, usage: DOCTOR_USAGE },
  init: { run: init, usage: INIT_USAGE },
};

const USAGE = `airflow-updraft <command>

  init <folder>             makes a new app that works without a network
  doctor <url of the app>   asks whether app, worker and Airflow fit together

airflow-updraft <command> --help tells the options.`;

/** Runs the command that the arguments name; returns the exit status. */
export async function runCli(args: readonly string[], output: Output): Promise<number> {
  const [name = '--help', ...rest] = args;
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  const asksForHelp = (text: string): boolean => ['--help', '-h', 'help'].includes(text);
  if (asksForHelp(name)) output.write(USAGE);
  else if (command && rest.some(asksForHelp)) output.write(command.usage);
  if (asksForHelp(name) || rest.some(asksForHelp)) return args.length > 0 ? 0 : 2;
  try {
    if (!command)
      throw new UsageError(
        `there is no command "${name}".${didYouMean(name, Object.keys(COMMANDS))}`,
      );
    return await command.run(rest, output);
  } catch (error) {
    if (error instanceof Problem) output.complain(`airflow-updraft: ${error.message}`);
    if (error instanceof Problem) return 1;
    if (!isUsage(error)) throw error;
    output.complain(`airflow-updraft: ${error.message}\n\n${command?.usage ?? USAGE}`);
    return 2;
  }
}

/** Whether the arguments are to blame; Node's parser of arguments throws errors of its own. */
const isUsage = (error: unknown): error is Error =>
  error instanceof UsageError || String(Object(error).code).startsWith('ERR_PARSE_ARGS');
