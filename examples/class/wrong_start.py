# like: perfect
# A is normal instead of uniform, and the head's frozen backup is trained too: TODO 4 and 8.

# %% solution_todo4
def attach_lora(layer, r, lora_alpha, in_features, out_features):
    layer.lora_A = nn.Parameter(torch.randn(r, in_features) * 0.02)
    layer.lora_B = nn.Parameter(torch.zeros(out_features, r))

    def hook(module, input, output):
        return output + F.linear(F.linear(input[0], layer.lora_A), layer.lora_B) * lora_alpha / r

    return hook

# %% solution_todo7
def make_lora_config():
    targets = ["h.10.attn.c_attn", "h.11.attn.c_attn"]
    return LoraConfig(r=1, lora_alpha=4, target_modules=targets, bias="lora_only", modules_to_save=["score"])

# %% solution_todo8
def train_head(model):
    for name, parameter in model.named_parameters():
        if "score" in name:
            parameter.requires_grad = True
