# like: perfect
# The right counts in the wrong layers: TODO 1 and 7.

# %% solution_todo1
def train_attention_only(model):
    for name, parameter in model.named_parameters():
        parameter.requires_grad = any(part in name for part in ("h.9.attn.c_attn", "h.10.attn.c_attn", "score"))

# %% solution_todo7
def make_lora_config():
    return LoraConfig(r=1, lora_alpha=4, target_modules=["c_attn"], layers_to_transform=[9, 10], bias="lora_only")
