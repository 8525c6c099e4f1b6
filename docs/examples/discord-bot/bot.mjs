import { Client, DefaultRestOptions, Events, MessageFlags } from "discord.js";
import { setting, wake } from "./wake.mjs";

const allowed = setting("ALLOWED_USERS").split(",").map((id) => id.trim());
// Slash commands need no intent. DISCORD_API is for tests, and for a proxy that Discord has to be reached by.
const client = new Client({ intents: [], rest: { api: process.env.DISCORD_API ?? DefaultRestOptions.api } });

client.once(Events.ClientReady, () => console.log("ready"));
client.on(Events.Error, console.error); // discord.js connects again by itself
client.on(Events.InteractionCreate, async (interaction) => {
  if (!interaction.isChatInputCommand() || interaction.commandName !== "wake") return;
  try {
    // Discord forgets an interaction that is not answered within 3 s; deferred, it waits 15 minutes.
    await interaction.deferReply({ flags: MessageFlags.Ephemeral });
    const name = interaction.options.getString("computer", true);
    const may = allowed.includes(interaction.user.id);
    console.log(`/wake ${name} by ${interaction.user.id}${may ? "" : ": refused"}`);
    await interaction.editReply({
      content: may ? await wake(name) : "You are not on the list of those who may wake computers.",
      allowedMentions: { parse: [] },
    });
  } catch (error) {
    console.error(error);
  }
});
await client.login(setting("DISCORD_TOKEN"));
