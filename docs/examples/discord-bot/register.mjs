// Makes /wake known to one Discord server. Run it again when TARGETS has changed.
import { ApplicationCommandOptionType, DefaultRestOptions, REST, Routes } from "discord.js";
import { targets } from "./wake.mjs";

const { DISCORD_TOKEN, DISCORD_GUILD, DISCORD_API } = process.env;
const rest = new REST({ api: DISCORD_API ?? DefaultRestOptions.api }).setToken(DISCORD_TOKEN);
const { id } = await rest.get(Routes.currentApplication());
await rest.put(Routes.applicationGuildCommands(id, DISCORD_GUILD), {
  body: [{
    name: "wake",
    description: "Send a magic packet",
    options: [{
      type: ApplicationCommandOptionType.String,
      name: "computer",
      description: "Which one",
      required: true,
      choices: [...targets.keys()].map((name) => ({ name, value: name })),
    }],
  }],
});
console.log(`/wake knows ${[...targets.keys()].join(", ")}`);
